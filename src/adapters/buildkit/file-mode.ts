import type { Stats } from 'node:fs';
import type { DeviceNode, PackedEntry } from '#ports/packed-files.ts';

// Bits of Go's os.FileMode, as fsutil's Stat has them.
const directory = 2 ** 31;
const symlink = 2 ** 27;
const device = 2 ** 26;
const namedPipe = 2 ** 25;
const socket = 2 ** 24;
const setUid = 2 ** 23;
const setGid = 2 ** 22;
const characterDevice = 2 ** 21;
const sticky = 2 ** 20;
const irregular = 2 ** 19;

const has = (mode: number, bit: number): boolean => Math.floor(mode / bit) % 2 === 1;

/** Undefined for sockets and what nobody knows. */
export function kindOf(mode: number): PackedEntry['kind'] | undefined {
  if (has(mode, directory)) return 'directory';
  if (has(mode, symlink)) return 'symlink';
  if (nodeTypeOf(mode) !== undefined) return 'device';
  return has(mode, socket) || has(mode, irregular) ? undefined : 'file';
}

export function nodeTypeOf(mode: number): DeviceNode['type'] | undefined {
  if (has(mode, namedPipe)) return 'fifo';
  if (!has(mode, device)) return undefined;
  return has(mode, characterDevice) ? 'character' : 'block';
}

/** The bits for chmod(2). */
export function permissionsOf(mode: number): number {
  return (
    (mode % 0o1000) +
    (has(mode, setUid) ? 0o4000 : 0) +
    (has(mode, setGid) ? 0o2000 : 0) +
    (has(mode, sticky) ? 0o1000 : 0)
  );
}

/** Undefined for what is not sent: devices, pipes and sockets. */
export function goMode(stats: Stats): number | undefined {
  const permissions =
    (stats.mode & 0o777) +
    (stats.mode & 0o4000 ? setUid : 0) +
    (stats.mode & 0o2000 ? setGid : 0) +
    (stats.mode & 0o1000 ? sticky : 0);
  if (stats.isFile()) return permissions;
  if (stats.isDirectory()) return permissions + directory;
  return stats.isSymbolicLink() ? permissions + symlink : undefined;
}
