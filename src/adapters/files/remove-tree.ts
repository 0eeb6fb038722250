import { lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '#base/errors.ts';

/** What is removed at once: so many entries at most, and no file larger than this. */
const most = 64;
const largest = 256 * 1024;

/**
 * Removes a folder with everything in it; one that does not exist is fine. A small one goes at once: each trip to the thread
 * pool takes longer than a removal.
 */
export async function removeTree(folder: string): Promise<void> {
  try {
    if (removeSmall(folder, { left: most })) return;
  } catch (error) {
    // Somebody else removes it too.
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  await rm(folder, { recursive: true, force: true });
}

/** False when there is too much; some of it may be gone then. */
function removeSmall(folder: string, budget: { left: number }): boolean {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    budget.left -= 1;
    if (budget.left < 0) return false;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!removeSmall(path, budget)) return false;
      continue;
    }
    if (entry.isFile() && lstatSync(path).size > largest) return false;
    unlinkSync(path);
  }
  rmdirSync(folder);
  return true;
}
