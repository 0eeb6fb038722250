import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '#base/errors.ts';

// Control group files are made by the kernel on the spot: a synchronous read takes microseconds, an
// asynchronous one a quarter of a millisecond in the thread pool.

/** Undefined when the group, or the file in it, does not exist. */
export function readGroupFile(folder: string | undefined, name: string): string | undefined {
  if (folder === undefined) return undefined;
  try {
    return readFileSync(join(folder, name), 'latin1');
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'EOPNOTSUPP') return undefined;
    throw error;
  }
}

/** A file with one number; `max` and a missing file are 0. */
export function readNumber(folder: string | undefined, name: string): number {
  const value = Number(readGroupFile(folder, name)?.trim() ?? 0);
  return Number.isFinite(value) ? value : 0;
}

/** A file of lines `key value`. */
export function readTable(folder: string | undefined, name: string): Record<string, number> {
  const text = readGroupFile(folder, name) ?? '';
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' '))
      .map(([key = '', value]) => [key, Number(value)]),
  );
}
