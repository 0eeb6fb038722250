import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { systemCode } from '#base/errors.ts';

// Of the host's own files, and of folders that are made when they are needed: what is not there is empty.

/** The text of a file; '' where there is none. */
export async function textIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    return emptyIfMissing(error, '');
  }
}

/** As `textIfThere`. */
export function textIfThereSync(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return emptyIfMissing(error, '');
  }
}

/** The names in a folder; none where there is none. */
export async function namesIfThere(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    return emptyIfMissing(error, []);
  }
}

/** As `namesIfThere`. */
export function namesIfThereSync(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    return emptyIfMissing(error, []);
  }
}

/** Undefined when the path, or a folder on the way to it, is not there. */
export async function ifThere<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

function emptyIfMissing<T>(error: unknown, empty: T): T {
  if (systemCode(error) === 'ENOENT') return empty;
  throw error;
}
