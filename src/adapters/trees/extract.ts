import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
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
import { invalid, systemCode } from '#base/errors.ts';
import { corrupt } from '#domain/archive/tar-header.ts';
import type { Owner } from '#ports/file-trees.ts';
import { lstatOrUndefined, raw, text } from '#adapters/files/byte-path.ts';
import { carriedXattrs, nodeType, timeOf, writeFully } from '#adapters/files/member.ts';
import { listXattrs, mknod, setXattr } from '#adapters/linux/libc.ts';
import type { PackedEntry } from '#ports/packed-files.ts';

const { COPYFILE_EXCL, COPYFILE_FICLONE, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } =
  constants;
/** Larger files are copied within the kernel. */
const smallFile = 64 * 1024;
const chunkSize = 1024 * 1024;

/** A file, link or device of the archive and where it is to be. */
export interface Extraction extends Pick<
  PackedEntry,
  'mtime' | 'size' | 'linkName' | 'offset' | 'node' | 'xattrs'
> {
  to: string;
  /** The file that is copied; absent: it lies in the archive. */
  from?: string;
  kind: 'file' | 'symlink' | 'device';
  mode: number;
  owner: Owner;
}

/**
 * Writes files, of an uncompressed archive or copies of others, into folders that are there; what is at their places is replaced.
 * Synchronous.
 */
export function extractFiles(archive: string | undefined, items: readonly Extraction[]): void {
  const folders = new Folders();
  const pieces = archive === undefined ? undefined : new FilePieces(archive);
  try {
    for (const item of items.toSorted((a, b) => a.offset - b.offset)) {
      if (item.kind === 'symlink') link(item);
      else if (item.kind === 'device') device(item);
      else if (item.from !== undefined) copy(item, item.from, folders);
      else if (pieces !== undefined) extract(item, pieces, folders);
    }
  } finally {
    pieces?.close();
  }
}

/** What lies in a file, read ahead: small files lie one after another in an archive. */
class FilePieces {
  readonly #from: number;
  #buffer = Buffer.alloc(0);
  #begin = 0;
  #end = 0;

  constructor(path: string) {
    this.#from = openSync(raw(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  }

  close(): void {
    closeSync(this.#from);
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
  /** For what is copied. */
  readonly buffer = Buffer.allocUnsafeSlow(smallFile);

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

/** Of a file that changes meanwhile there is what it has when it is read, as `cp` would have it. */
function copy(item: Extraction, from: string, folders: Folders): void {
  const attributes = carriedXattrs(text(from));
  if (item.size > smallFile) {
    copyLarge(item, from, attributes);
    return;
  }
  const source = openSync(raw(from), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const { buffer } = folders;
  try {
    write({ ...item, ...(attributes.size > 0 && { xattrs: attributes }) }, folders, (fd) => {
      let done = 0;
      for (let length = readSync(source, buffer); length > 0; length = readSync(source, buffer)) {
        writeFully(fd, buffer.subarray(0, length), done);
        done += length;
      }
    });
  } finally {
    closeSync(source);
  }
}

function copyLarge(
  { to, owner, mode, mtime }: Extraction,
  from: string,
  attributes: ReadonlyMap<string, Uint8Array>,
): void {
  replacing(to, () => copyFileSync(raw(from), raw(to), COPYFILE_EXCL | COPYFILE_FICLONE));
  lchownSync(raw(to), owner.uid, owner.gid);
  chmodSync(raw(to), mode);
  for (const [name, value] of attributes) setXattr(text(to), text(name), value);
  lutimesSync(raw(to), timeOf(mtime), timeOf(mtime));
}

function extract(item: Extraction, pieces: FilePieces, folders: Folders): void {
  write(item, folders, (fd) => {
    for (let done = 0; done < item.size;) {
      const piece = pieces.at(item.offset + done, item.size - done);
      writeFully(fd, piece, done);
      done += piece.length;
    }
  });
}

function write(item: Extraction, folders: Folders, content: (fd: number) => void): void {
  const { to, owner, mode, mtime, xattrs } = item;
  const isRoots = owner.uid === 0 && owner.gid === 0;
  const isWhole = isRoots && folders.givesAll(to, mode);
  const flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY;
  const fd = replacing(to, () => openSync(raw(to), flags, isWhole ? mode : 0o600));
  try {
    content(fd);
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

function ontoFolder(target: string): Error {
  return invalid('copy-onto-folder', `cannot overwrite directory with non-directory: ${text(target)}`);
}
