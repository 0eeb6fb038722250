import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  openSync,
  readSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { systemCode } from '#base/errors.ts';
import { corrupt } from '#domain/archive/tar-header.ts';
import type { Owner } from '#ports/file-trees.ts';
import { lstatOrUndefined, raw, text } from '#adapters/files/byte-path.ts';
import { nodeType, timeOf, writeFully } from '#adapters/files/member.ts';
import { mknod, setXattr } from '#adapters/linux/libc.ts';
import type { PackedEntry } from '#ports/packed-files.ts';
import { ontoFolder } from './copy.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const chunkSize = 1024 * 1024;

/** A file, link or device of the archive and where it is to be. */
export interface Extraction extends Pick<
  PackedEntry,
  'mtime' | 'size' | 'linkName' | 'offset' | 'node' | 'xattrs'
> {
  to: string;
  kind: 'file' | 'symlink' | 'device';
  mode: number;
  owner: Owner;
}

/** Writes files of an uncompressed archive into folders that are there; what is at their places is replaced. Synchronous. */
export function extractFiles(archive: string, items: Extraction[]): void {
  const from = openSync(raw(archive), O_RDONLY);
  const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, Math.max(1, ...items.map(({ size }) => size))));
  try {
    for (const item of items) {
      if (item.kind === 'symlink') link(item);
      else if (item.kind === 'device') device(item);
      else extract(from, item, buffer);
    }
  } finally {
    closeSync(from);
  }
}

/** The bytes of one file. `archive` is a path of this machine. */
export function readPiece(archive: string, { offset, size }: Pick<Extraction, 'offset' | 'size'>): Buffer {
  const from = openSync(archive, O_RDONLY);
  try {
    const content = Buffer.alloc(size);
    for (let done = 0; done < size;) done += readPart(from, content.subarray(done), offset + done);
    return content;
  } finally {
    closeSync(from);
  }
}

function readPart(from: number, piece: Buffer, position: number): number {
  const length = readSync(from, piece, 0, piece.length, position);
  if (length === 0) throw corrupt('it became shorter while it was read');
  return length;
}

function link({ to, linkName, owner, mtime }: Extraction): void {
  replacing(to, () => symlinkSync(raw(linkName), raw(to)));
  lchownSync(raw(to), owner.uid, owner.gid);
  lutimesSync(raw(to), timeOf(mtime), timeOf(mtime));
}

function device({ to, node, owner, mode, mtime }: Extraction): void {
  if (node === undefined) return;
  replacing(to, () => mknod(text(to), nodeType(node.type) | 0o600, node.number));
  lchownSync(raw(to), owner.uid, owner.gid);
  chmodSync(raw(to), mode);
  lutimesSync(raw(to), timeOf(mtime), timeOf(mtime));
}

/** Makes further names of files that are there; what is at their places is replaced. */
export function linkFiles(links: readonly { from: string; to: string }[]): void {
  for (const { from, to } of links) replacing(to, () => linkSync(raw(from), raw(to)));
}

function extract(from: number, item: Extraction, buffer: Buffer): void {
  const { to, owner, mode, mtime } = item;
  const fd = replacing(to, () => openSync(raw(to), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600));
  try {
    for (let done = 0; done < item.size;) {
      const piece = buffer.subarray(0, Math.min(buffer.length, item.size - done));
      const length = readPart(from, piece, item.offset + done);
      writeFully(fd, piece.subarray(0, length), done);
      done += length;
    }
    // Owner before mode and attributes: a change of owner drops set-user-id bits and capabilities.
    fchownSync(fd, owner.uid, owner.gid);
    fchmodSync(fd, mode);
    for (const [name, value] of item.xattrs ?? []) setXattr(text(to), text(name), value);
    futimesSync(fd, timeOf(mtime), timeOf(mtime));
  } finally {
    closeSync(fd);
  }
}

function replacing<T>(to: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    if (lstatOrUndefined(to)?.isDirectory() === true) throw ontoFolder(to);
    rmSync(raw(to));
    return make();
  }
}
