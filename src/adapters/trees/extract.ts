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
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { systemCode } from '#base/errors.ts';
import { corrupt } from '#domain/archive/tar-header.ts';
import type { Owner } from '#ports/file-trees.ts';
import { lstatOrUndefined, raw, text } from '#adapters/files/byte-path.ts';
import { nodeType, timeOf, writeFully } from '#adapters/files/member.ts';
import { listXattrs, mknod, setXattr } from '#adapters/linux/libc.ts';
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
export function extractFiles(archive: string, items: readonly Extraction[]): void {
  const from = openSync(raw(archive), O_RDONLY);
  const pieces = new ArchivePieces(from);
  const folders = new Folders();
  try {
    for (const item of items.toSorted((a, b) => a.offset - b.offset)) {
      if (item.kind === 'symlink') link(item);
      else if (item.kind === 'device') device(item);
      else extract(item, pieces, folders);
    }
  } finally {
    closeSync(from);
  }
}

/** What lies in an archive, read ahead: small files lie one after another. */
class ArchivePieces {
  readonly #from: number;
  #buffer = Buffer.alloc(0);
  #begin = 0;
  #end = 0;

  constructor(from: number) {
    this.#from = from;
  }

  /** Something of what is there from `position` on, at most `most` bytes; holds until the next call. */
  at(position: number, most: number): Buffer {
    if (position < this.#begin || position >= this.#end || (most <= chunkSize && position + most > this.#end))
      this.#read(position);
    const begin = position - this.#begin;
    return this.#buffer.subarray(begin, Math.min(begin + most, this.#end - this.#begin));
  }

  #read(position: number): void {
    if (this.#buffer.length === 0) this.#buffer = Buffer.allocUnsafeSlow(chunkSize);
    const length = readSync(this.#from, this.#buffer, 0, chunkSize, position);
    if (length === 0) throw corrupt('it became shorter while it was read');
    this.#begin = position;
    this.#end = position + length;
  }
}

/** What new files get of the folders that they are made in, without asking again for each of thousands of files. */
class Folders {
  /** Bits of a mode that a new file does not get. */
  readonly #mask = fileModeMask();
  readonly #isPlain = new Map<string, boolean>();

  /** Whether a file that is made in the folder of `path` with this mode and nothing else has just that, and is root's. */
  givesAll(path: string, mode: number): boolean {
    if (mode > 0o777 || (mode & this.#mask) !== 0) return false;
    const folder = path.slice(0, path.lastIndexOf('/'));
    const known = this.#isPlain.get(folder);
    if (known !== undefined) return known;
    // A folder may hand its group down, or a list of who may do what.
    const setGroup = ((lstatOrUndefined(folder)?.mode ?? 0) & 0o2000) !== 0;
    const isPlain = !setGroup && !listXattrs(text(folder)).includes('system.posix_acl_default');
    this.#isPlain.set(folder, isPlain);
    return isPlain;
  }
}

/** umask(2) cannot be asked for without being changed. */
function fileModeMask(): number {
  const digits = /^Umask:\s*([0-7]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return digits === undefined ? 0o777 : Number.parseInt(digits, 8);
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

function extract(item: Extraction, pieces: ArchivePieces, folders: Folders): void {
  const { to, owner, mode, mtime, xattrs } = item;
  const isRoots = owner.uid === 0 && owner.gid === 0;
  const isWhole = isRoots && folders.givesAll(to, mode);
  const flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY;
  const fd = replacing(to, () => openSync(raw(to), flags, isWhole ? mode : 0o600));
  try {
    for (let done = 0; done < item.size;) {
      const piece = pieces.at(item.offset + done, item.size - done);
      writeFully(fd, piece, done);
      done += piece.length;
    }
    // Owner before mode and attributes: a change of owner drops set-user-id bits and capabilities.
    if (!isWhole) {
      fchownSync(fd, owner.uid, owner.gid);
      fchmodSync(fd, mode);
    }
    for (const [name, value] of xattrs ?? []) setXattr(text(to), text(name), value);
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
