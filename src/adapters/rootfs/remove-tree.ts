import { closeSync, constants, openSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import type { Breather } from '#adapters/files/breather.ts';
import { descriptorPath } from '#adapters/files/open-in-root.ts';
import { systemCode } from '#base/errors.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/**
 * Removes a name right below `parent` (a descriptor, which stays open), a folder with all it holds. Each folder is held
 * by a descriptor, so one that is swapped for a link leads nowhere. Gives false when nothing is there.
 */
export async function removeNamed(parent: number, name: string, breather: Breather): Promise<boolean> {
  const path = descriptorPath(parent, name);
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return false;
    if (code !== 'EISDIR') throw error;
  }
  const folder = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    for (const child of readdirSync(descriptorPath(folder), { encoding: 'latin1' })) {
      await removeNamed(folder, child, breather);
      await breather.breathe();
    }
  } finally {
    closeSync(folder);
  }
  rmdirSync(path);
  return true;
}
