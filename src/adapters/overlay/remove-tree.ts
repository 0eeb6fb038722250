import { readdirSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import { readdir, rmdir, unlink } from 'node:fs/promises';
import { lstatOrUndefined, raw } from '#adapters/files/byte-path.ts';

/** Deeper folders are removed in one go: paths below them may be longer than the kernel takes at once. */
const deepest = 12;

/**
 * Removes what is there, a folder with all below it, until it is to stop: what is there then stays. It blocks, for the threads
 * of workers. @param path a byte string
 */
export function removeTree(path: string, isStopped: () => boolean): void {
  if (isStopped()) return;
  if (lstatOrUndefined(path)?.isDirectory() === true) removeFolder(path, isStopped, 0);
  else rmSync(raw(path), { force: true });
}

function removeFolder(folder: string, isStopped: () => boolean, depth: number): void {
  if (depth > deepest) {
    rmSync(raw(folder), { recursive: true, force: true });
    return;
  }
  for (const entry of readdirSync(raw(folder), { withFileTypes: true, encoding: 'buffer' })) {
    if (isStopped()) return;
    const path = `${folder}/${entry.name.toString('latin1')}`;
    if (entry.isDirectory()) removeFolder(path, isStopped, depth + 1);
    else unlinkSync(raw(path));
  }
  if (!isStopped()) rmdirSync(raw(folder));
}

/** As `removeTree`, without blocking; for folders of few files. @param folder a byte string */
export async function removeSmallTree(folder: string, isStopped: () => boolean): Promise<void> {
  for (const entry of await readdir(raw(folder), { withFileTypes: true, encoding: 'buffer' })) {
    if (isStopped()) return;
    const path = `${folder}/${entry.name.toString('latin1')}`;
    if (entry.isDirectory()) await removeSmallTree(path, isStopped);
    else await unlink(raw(path));
  }
  if (!isStopped()) await rmdir(raw(folder));
}
