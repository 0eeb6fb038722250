import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  type Stats,
} from 'node:fs';
import { LinkedMembers, memberOf as memberOnDisk, typeOf } from '#adapters/files/member.ts';
import { descriptorPath } from '#adapters/files/open-in-root.ts';
import { getXattrOf } from '#adapters/linux/libc.ts';
import { paddingOf, type TarEntry } from '#domain/archive/tar-entry.ts';
import { encodeHeader, tarEnd } from '#domain/archive/tar-writer.ts';
import { toContainer, type IdMappings } from '#domain/user-namespace/id-mappings.ts';
import type { NamedFolder } from '#ports/root-files.ts';
import { systemCode } from '#base/errors.ts';

// Trees that others change while they are packed: each folder is held by a descriptor, so a folder that is
// swapped for a link leads nowhere. Names are byte strings.

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const chunkSize = 256 * 1024;

const capability = 'security.capability';

/** One archive in the making. */
interface Packing {
  links: LinkedMembers;
  /** From the ids in the archive to those on disk; absent: they are the same. */
  mappings: IdMappings | undefined;
  /** No time is later; seconds since 1970. */
  epoch: number;
}

/** The name right below `folder` (a descriptor, which stays open) and all below that, as `as` in the archive. */
export function* packNamed(
  folder: number,
  name: string,
  as: string,
  mappings?: IdMappings,
): Generator<Uint8Array> {
  yield* packOne(folder, name, as, { links: new LinkedMembers(), mappings, epoch: Infinity });
  yield tarEnd;
}

/** What the folder holds. @param prefix '' or ends with a slash; then the folder itself comes first */
export function* packFolder(folder: number, prefix: string, mappings?: IdMappings): Generator<Uint8Array> {
  yield* packWhole(folder, prefix, { links: new LinkedMembers(), mappings, epoch: Infinity });
  yield tarEnd;
}

/** What several folders hold. @param epoch no time is later (seconds since 1970) */
export function* packFolders(
  folders: readonly NamedFolder[],
  mappings?: IdMappings,
  epoch = Infinity,
): Generator<Uint8Array> {
  for (const { prefix, folder } of folders) {
    const fd = openSync(folder, O_RDONLY | O_DIRECTORY);
    try {
      const packing = { links: new LinkedMembers(), mappings, epoch };
      yield* packWhole(fd, prefix === '' ? '' : `${prefix}/`, packing);
    } finally {
      closeSync(fd);
    }
  }
  yield tarEnd;
}

function* packWhole(folder: number, prefix: string, packing: Packing): Generator<Uint8Array> {
  if (prefix !== '')
    yield encodeHeader(memberOf(packing, prefix, 'directory', fstatSync(folder), descriptorPath(folder)));
  yield* packChildren(folder, prefix, packing);
}

function* packChildren(folder: number, prefix: string, packing: Packing): Generator<Uint8Array> {
  const names = readdirSync(descriptorPath(folder), { encoding: 'latin1' }).sort();
  for (const name of names) yield* packOne(folder, name, `${prefix}${name}`, packing);
}

function* packOne(folder: number, name: string, as: string, packing: Packing): Generator<Uint8Array> {
  const path = descriptorPath(folder, name);
  const stats = lstatIfThere(path);
  if (stats === undefined) return;
  if (stats.isDirectory()) {
    yield* packSubfolder(path, as, packing);
    return;
  }
  const type = typeOf(stats);
  if (type === undefined) return;
  const first = packing.links.firstOf(stats, as);
  if (first !== undefined)
    yield encodeHeader({ ...memberOf(packing, as, 'hard-link', stats, path), linkName: first });
  else if (type === 'file') yield* packFile(path, as, packing);
  else yield encodeHeader(memberOf(packing, as, type, stats, path));
}

function* packSubfolder(path: Buffer, as: string, packing: Packing): Generator<Uint8Array> {
  const fd = openIfThere(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (fd === undefined) return;
  try {
    yield encodeHeader(memberOf(packing, `${as}/`, 'directory', fstatSync(fd), path));
    yield* packChildren(fd, `${as}/`, packing);
  } finally {
    closeSync(fd);
  }
}

function* packFile(path: Buffer, as: string, packing: Packing): Generator<Uint8Array> {
  const fd = openIfThere(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (fd === undefined) return;
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return;
    const value = getXattrOf(fd, capability);
    const entry = memberOf(packing, as, 'file', stats, path);
    if (value !== undefined) entry.xattrs.set(capability, value);
    yield encodeHeader(entry);
    yield* contentOf(fd, stats.size);
    yield new Uint8Array(paddingOf(stats.size));
  } finally {
    closeSync(fd);
  }
}

function memberOf({ mappings, epoch }: Packing, ...file: Parameters<typeof memberOnDisk>): TarEntry {
  const entry = memberOnDisk(...file);
  entry.mtime = Math.min(entry.mtime, epoch);
  return mappings === undefined ? entry : Object.assign(entry, toContainer(mappings, entry));
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
