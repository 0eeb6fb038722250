import { readlinkSync, writeSync, type Stats } from 'node:fs';
import { getXattr, listXattrs, makeDevice, splitDevice, SystemCallError } from '#adapters/linux/libc.ts';
import type { TarEntry, TarType } from '#domain/archive/tar-entry.ts';
import { corrupt } from '#domain/archive/tar-header.ts';
import { tarEntry } from '#domain/archive/tar-writer.ts';
import { text } from './byte-path.ts';

// What a file on disk and a member of an archive have in common, in both directions.

const nodeTypes: Partial<Record<TarType, number>> = { character: 0o020000, block: 0o060000, fifo: 0o010000 };

/** Undefined for a socket: it means nothing without the process that made it, and tar has no type for it. */
export function typeOf(stats: Stats): Exclude<TarType, 'hard-link'> | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'character';
  if (stats.isBlockDevice()) return 'block';
  return stats.isFIFO() ? 'fifo' : undefined;
}

/** A member for a file. @param path needed for the target of a symbolic link */
export function memberOf(name: string, type: TarType, stats: Stats, path: Buffer): TarEntry {
  const { uid, gid, mode, mtimeMs } = stats;
  const entry = tarEntry(name, type, { mode: mode & 0o7777, uid, gid, mtime: mtimeMs / 1000 });
  if (type === 'file') entry.size = stats.size;
  if (type === 'symlink') entry.linkName = readlinkSync(path, 'buffer').toString('latin1');
  if (type === 'character' || type === 'block') Object.assign(entry, splitDevice(stats.rdev));
  return entry;
}

/** Names the first member of each file with several names, so that the later ones become hard links. */
export class LinkedMembers {
  readonly #first = new Map<string, string>();

  /** The first name of the same file; undefined for the first one, which is kept as `name`. */
  firstOf(stats: Stats, name: string): string | undefined {
    if (stats.nlink < 2 || stats.isDirectory()) return undefined;
    const key = `${stats.dev}:${stats.ino}`;
    const first = this.#first.get(key);
    if (first === undefined) this.#first.set(key, name);
    return first;
  }
}

/** The type bits of a device node or pipe for mknod(2). */
export function nodeType(type: TarType): number {
  return nodeTypes[type] ?? 0;
}

/** Number of the device for mknod(2). */
export function deviceOf(entry: TarEntry): number {
  return entry.type === 'fifo' ? 0 : makeDevice(entry.major, entry.minor);
}

/** A member's time in seconds as Node's functions take it: they have the present for a negative number, not for a date. */
export function timeOf(seconds: number): number | Date {
  return seconds < 0 ? new Date(seconds * 1000) : seconds;
}

export function writeFully(fd: number, chunk: Uint8Array, position: number): void {
  for (let done = 0; done < chunk.length;)
    done += writeSync(fd, chunk, done, chunk.length - done, position + done);
}

/** Call it after chown, which drops `security.capability`. Attributes of the overlay itself are not an image's to set. */
export function storeXattrs(entry: TarEntry, set: (name: string, value: Uint8Array) => void): void {
  for (const [name, value] of entry.xattrs) {
    if (isOfOverlay(name)) continue;
    try {
      set(text(name), value);
    } catch (error) {
      // As Docker: what this file system cannot hold is left out.
      if (!(error instanceof SystemCallError)) throw error;
      if (['EINVAL', 'ERANGE', 'E2BIG'].includes(error.code))
        throw corrupt(
          `the attribute '${text(name)}' of '${text(entry.name)}' has a value that Linux refuses`,
        );
      if (error.code !== 'ENOTSUP') throw error;
    }
  }
}

/** Whether an attribute of a file goes with its copies: the others say something of the machine that it is on. */
export function isCarried(attribute: string): boolean {
  return attribute === 'security.capability' || (attribute.startsWith('user.') && !isOfOverlay(attribute));
}

/** The attributes of a file that go with its copies; names are byte strings. @param path a text */
export function carriedXattrs(path: string): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (const name of listXattrs(path)) {
    const value = isCarried(name) ? getXattr(path, name) : undefined;
    if (value !== undefined) found.set(Buffer.from(name).toString('latin1'), value);
  }
  return found;
}

function isOfOverlay(name: string): boolean {
  return name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.');
}
