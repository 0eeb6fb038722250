import { constants } from 'node:fs';
import { SystemCallError } from '#adapters/linux/libc.ts';
import { openInRoot } from '#adapters/linux/rooted-path.ts';

export const O_PATH = 0o10000000;
/** Flags that find a folder without opening it for reading. */
export const folderFlags = O_PATH | constants.O_DIRECTORY;

/** The kernel gives up with EAGAIN when something on the way is renamed meanwhile. */
const tries = 100;

/**
 * Opens a path inside a root; undefined when nothing is there, or no folder where one is asked for.
 * @param root descriptor of the root
 * @param path a byte string
 */
export function openIfThere(root: number, path: string, flags: number): number | undefined {
  try {
    return openWithin(root, path, flags);
  } catch (error) {
    if (error instanceof SystemCallError && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw error;
  }
}

/** @throws SystemCallError ENOENT, ENOTDIR, ELOOP ... */
export function openWithin(root: number, path: string, flags: number): number {
  const name = path === '' ? '.' : Buffer.from(path, 'latin1').toString('utf8');
  for (let left = tries; ; left--) {
    try {
      return openInRoot(root, name, flags);
    } catch (error) {
      if (left > 0 && error instanceof SystemCallError && error.code === 'EAGAIN') continue;
      throw error;
    }
  }
}

/** The file behind a descriptor, or a name right below it: no component before the name can be swapped. */
export function descriptorPath(fd: number, name = ''): Buffer {
  return Buffer.from(`/proc/self/fd/${fd}${name === '' ? '' : `/${name}`}`, 'latin1');
}
