import { closeSync, constants, fchownSync, mkdirSync, openSync } from 'node:fs';
import { openInRoot } from '#adapters/linux/rooted-path.ts';
import { systemCode } from '#base/errors.ts';

// Paths inside a root whose processes may swap folders for links at any moment. Roots are descriptors, paths
// byte strings.

export const O_PATH = 0o10000000;
/** Flags that find a folder without opening it for reading. */
export const folderFlags = O_PATH | constants.O_DIRECTORY;

/** Undefined when nothing is there, or no folder where one is asked for. @throws SystemCallError ELOOP ... */
export function openIfThere(root: number, path: string, flags: number): number | undefined {
  try {
    return openInRoot(root, path, flags);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** Opens a folder; what is missing on the way is made, for `owner`, else for the daemon. @throws SystemCallError */
export function openFolder(root: number, path: string, owner?: { uid: number; gid: number }): number {
  const there = openIfThere(root, path, folderFlags);
  if (there !== undefined) return there;
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  let at = openInRoot(root, '', folderFlags);
  for (const length of parts.keys()) {
    const parent = at;
    try {
      const upTo = parts.slice(0, length + 1);
      at = openIfThere(root, upTo.join('/'), folderFlags) ?? makeFolder(parent, upTo.at(-1) ?? '', owner);
    } finally {
      closeSync(parent);
    }
  }
  return at;
}

/** The file behind a descriptor, or a name right below it: no component before the name can be swapped. */
export function descriptorPath(fd: number, name = ''): Buffer {
  return Buffer.from(`/proc/self/fd/${fd}${name === '' ? '' : `/${name}`}`, 'latin1');
}

/** Runs `use` with the descriptor of a folder and closes it. @param root absolute path */
export async function withRoot<T>(root: string, use: (folder: number) => T | Promise<T>): Promise<T> {
  const folder = openSync(root, folderFlags);
  try {
    return await use(folder);
  } finally {
    closeSync(folder);
  }
}

function makeFolder(parent: number, name: string, owner: { uid: number; gid: number } | undefined): number {
  const path = descriptorPath(parent, name);
  mkdirSync(path, 0o755);
  const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
  const made = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    if (owner !== undefined) fchownSync(made, owner.uid, owner.gid);
    return made;
  } catch (error) {
    closeSync(made);
    throw error;
  }
}
