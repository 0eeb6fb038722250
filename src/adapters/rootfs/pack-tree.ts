import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { getXattr, splitDevice } from '#adapters/linux/libc.ts';
import { descriptorPath } from '#adapters/rootfs/in-root.ts';
import { paddingOf, type TarEntry, type TarType } from '#domain/archive/tar-entry.ts';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';
import { systemCode } from '#base/errors.ts';

// Trees that others change while they are packed: each folder is held by a descriptor, so a folder that is
// swapped for a link leads nowhere. Names are byte strings.

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const chunkSize = 256 * 1024;

type Links = Map<string, string>;

/** The name right below `folder` (a descriptor, which stays open) and all below that, as `as` in the archive. */
export function* packNamed(folder: number, name: string, as: string): Generator<Uint8Array> {
  yield* packOne(folder, name, as, new Map());
  yield tarEnd;
}

/** What the folder holds. @param prefix '' or ends with a slash; then the folder itself comes first */
export function* packFolder(folder: number, prefix: string): Generator<Uint8Array> {
  const links: Links = new Map();
  if (prefix !== '') yield encodeHeader(header(prefix, 'directory', fstatSync(folder)));
  yield* packChildren(folder, prefix, links);
  yield tarEnd;
}

function* packChildren(folder: number, prefix: string, links: Links): Generator<Uint8Array> {
  const names = readdirSync(descriptorPath(folder), { encoding: 'latin1' }).sort();
  for (const name of names) yield* packOne(folder, name, `${prefix}${name}`, links);
}

function* packOne(folder: number, name: string, as: string, links: Links): Generator<Uint8Array> {
  const path = descriptorPath(folder, name);
  const stats = lstatIfThere(path);
  if (stats === undefined) return;
  if (stats.isDirectory()) {
    yield* packSubfolder(path, as, links);
    return;
  }
  const type = typeOf(stats);
  // A socket means nothing without the process that made it; tar has no type for it.
  if (type === undefined) return;
  const first = stats.nlink > 1 ? links.get(inode(stats)) : undefined;
  if (first !== undefined) {
    yield encodeHeader({ ...header(as, 'hard-link', stats), linkName: first });
    return;
  }
  if (stats.nlink > 1) links.set(inode(stats), as);
  if (type === 'file') yield* packFile(path, as);
  else yield encodeHeader(special(path, as, type, stats));
}

function* packSubfolder(path: Buffer, as: string, links: Links): Generator<Uint8Array> {
  const fd = openIfThere(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (fd === undefined) return;
  try {
    yield encodeHeader(header(`${as}/`, 'directory', fstatSync(fd)));
    yield* packChildren(fd, `${as}/`, links);
  } finally {
    closeSync(fd);
  }
}

function* packFile(path: Buffer, as: string): Generator<Uint8Array> {
  const fd = openIfThere(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (fd === undefined) return;
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return;
    const capability = getXattr(`/proc/self/fd/${fd}`, 'security.capability');
    const entry = header(as, 'file', stats);
    if (capability !== undefined) entry.xattrs.set('security.capability', capability);
    yield encodeHeader({ ...entry, size: stats.size });
    yield* contentOf(fd, stats.size);
    yield new Uint8Array(paddingOf(stats.size));
  } finally {
    closeSync(fd);
  }
}

/** Exactly `size` bytes, whatever happens to the file: its header has been sent. */
function* contentOf(fd: number, size: number): Generator<Uint8Array> {
  for (let done = 0; done < size;) {
    const chunk = Buffer.alloc(Math.min(chunkSize, size - done));
    const read = readSync(fd, chunk, 0, chunk.length, done);
    yield read === 0 ? chunk : chunk.subarray(0, read);
    done += read === 0 ? chunk.length : read;
  }
}

function special(path: Buffer, as: string, type: TarType, stats: Stats): TarEntry {
  const entry = header(as, type, stats);
  if (type === 'symlink') entry.linkName = readlinkSync(path, 'buffer').toString('latin1');
  if (type === 'character' || type === 'block') Object.assign(entry, splitDevice(stats.rdev));
  return entry;
}

function header(name: string, type: TarType, stats: Stats): TarEntry {
  const { uid, gid, mode, mtimeMs } = stats;
  return tarEntry(name, type, { mode: mode & 0o7777, uid, gid, mtime: mtimeMs / 1000 });
}

function typeOf(stats: Stats): TarType | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'character';
  if (stats.isBlockDevice()) return 'block';
  return stats.isFIFO() ? 'fifo' : undefined;
}

function inode(stats: Stats): string {
  return `${stats.dev}:${stats.ino}`;
}

function lstatIfThere(path: Buffer): Stats | undefined {
  return ifThere(() => lstatSync(path));
}

function openIfThere(path: Buffer, flags: number): number | undefined {
  return ifThere(() => openSync(path, flags));
}

// Gone, or something else by now: it was removed while the tree is packed.
function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}
