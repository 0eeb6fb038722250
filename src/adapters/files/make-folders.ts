import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '#base/errors.ts';

/**
 * Has a folder there with those above it, as mkdir -p. Gives the first that was made; undefined where all are there. For folders that
 * people name: mkdir of Node with `recursive` never ends where none can be made, such as below /proc, and holds a thread of all.
 * @param path absolute @throws the system's error
 */
export async function makeFolders(path: string): Promise<string | undefined> {
  const missing: string[] = [];
  for (let at = path; (await kindOf(at)) === undefined; at = dirname(at)) missing.push(at);
  for (const folder of missing.toReversed()) await make(folder);
  return missing.at(-1);
}

async function make(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (systemCode(error) !== 'EEXIST' || (await kindOf(folder)) !== 'folder') throw error;
  }
}

async function kindOf(path: string): Promise<'folder' | 'other' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'other';
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
