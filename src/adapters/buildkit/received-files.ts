import { createHash, hash as hashOf, type Hash } from 'node:crypto';
import { makeDevice } from '#adapters/linux/libc.ts';
import { text } from '#adapters/files/byte-path.ts';
import { isCarried } from '#adapters/files/member.ts';
import { invalid } from '#base/errors.ts';
import type { DeviceNode, PackedEntry } from '#ports/packed-files.ts';
import { kindOf, nodeTypeOf, permissionsOf } from './file-mode.ts';
import type { KeptFile, KeptUse } from './kept-packs.ts';
import type { FileStat } from './messages.ts';
import type { PackWriter } from './pack.ts';

/** As Linux has it; nothing is made of longer ones. */
const longestPath = 4095;
const longestName = 255;
/** What is known of each fills memory. */
const mostEntries = 2_000_000;
/** Bytes that the attributes of a file may take, as Linux has it for one, and all names and attributes together. */
const mostAttributes = 64 * 1024;
const mostSaid = 512 * 1024 * 1024;
/** Pieces of a file are gathered up to this, in bytes. */
const gathered = 128 * 1024;

const nothing = hashOf('sha256', '');

/** A file whose bytes come. */
interface Coming {
  stat: FileStat;
  entry: PackedEntry;
  /** The client was asked for them. */
  isAsked: boolean;
  /** Of a file that comes in several pieces: what was not yet written. */
  rest?: { hash: Hash; buffer: Buffer; filled: number };
}

/**
 * The files that a client sends, put into a pack. Parents come before what is in them, so a path is inside the tree exactly when its
 * parent came as a folder: no path leads through a symbolic link.
 */
export class ReceivedFiles {
  readonly #writer: PackWriter;
  readonly #kept: Pick<KeptUse, 'find'>;
  readonly #kinds = new Map<string, PackedEntry['kind']>([['', 'directory']]);
  readonly #coming = new Map<number, Coming>();
  readonly entries: PackedEntry[] = [];
  /** Those that can be kept for the next time. */
  readonly whole: KeptFile[] = [];
  files = 0;
  /** Bytes of names and attributes. */
  #said = 0;
  /** That came over the connection, with what is said of the files. */
  bytes = 0;

  constructor(writer: PackWriter, kept: Pick<KeptUse, 'find'>) {
    this.#writer = writer;
    this.#kept = kept;
  }

  /** Whether bytes of a file are still to come. */
  get isComing(): boolean {
    return this.#coming.size > 0;
  }

  /** Whether the file's bytes are wanted, under this number. @throws invalid `context-invalid` */
  add(id: number, stat: FileStat): boolean {
    this.#check(stat.path);
    this.#checkSizes(stat);
    const kind = kindOf(stat.mode);
    // Sockets mean nothing without the process that made them.
    if (kind === undefined) return false;
    this.#kinds.set(stat.path, kind);
    if (kind !== 'file') {
      this.entries.push(entryOf(stat, kind));
      return false;
    }
    this.files++;
    return stat.linkname === '' ? this.#file(id, stat) : this.#hardLink(stat);
  }

  /** The client is asked for the file's bytes now. */
  ask(id: number): void {
    const coming = this.#coming.get(id);
    if (coming !== undefined) coming.isAsked = true;
  }

  /** An empty chunk ends the file. Gives whether it did. @throws invalid `context-invalid` */
  data(id: number, chunk: Uint8Array): boolean {
    const coming = this.#coming.get(id);
    if (coming?.isAsked !== true) throw refused(`bytes of a file that was not asked for (${id})`);
    if (chunk.length > 0) {
      this.#piece(coming, chunk);
      return false;
    }
    this.#coming.delete(id);
    this.#end(coming);
    return true;
  }

  /** All has come: further names of files have their bytes too. */
  finish(): void {
    if (!this.entries.some(({ sameAs }) => sameAs !== undefined)) return;
    const byPath = new Map<string, PackedEntry>();
    for (const entry of this.entries) {
      const first = byPath.get(entry.sameAs ?? '');
      if (first !== undefined) Object.assign(entry, placeOf(first));
      byPath.set(entry.path, entry);
    }
  }

  #file(id: number, stat: FileStat): boolean {
    const kept = this.#kept.find(stat);
    if (kept !== undefined) {
      this.entries.push(
        isAsKept(kept.entry, stat) ? kept.entry : { ...entryOf(stat, 'file'), ...placeOf(kept.entry) },
      );
      this.whole.push(kept);
      return false;
    }
    const entry = entryOf(stat, 'file');
    this.entries.push(entry);
    if (stat.size === 0) return false;
    this.#coming.set(id, { stat, entry, isAsked: false });
    return true;
  }

  /** What it had when it was listed counts: a file that grows meanwhile is cut off there, one that shrinks is shorter. */
  #piece(coming: Coming, chunk: Uint8Array): void {
    const { stat, entry } = coming;
    const piece = chunk.subarray(0, stat.size - entry.size);
    if (piece.length === 0) return;
    if (entry.size === 0 && piece.length === stat.size) {
      entry.offset = this.#writer.append(piece);
      entry.content = hashOf('sha256', piece);
      entry.size = piece.length;
      return;
    }
    this.#gather(coming, piece);
  }

  #gather(coming: Coming, piece: Uint8Array): void {
    const { stat, entry } = coming;
    if (coming.rest === undefined) entry.offset = this.#writer.allocate(stat.size);
    const rest = (coming.rest ??= { hash: createHash('sha256'), ...empty(stat.size) });
    rest.hash.update(piece);
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + rest.buffer.length - rest.filled);
      rest.buffer.set(part, rest.filled);
      rest.filled += part.length;
      entry.size += part.length;
      at += part.length;
      if (rest.filled === rest.buffer.length) this.#flush(coming);
    }
  }

  #end(coming: Coming): void {
    const { stat, entry } = coming;
    if (coming.rest !== undefined) {
      this.#flush(coming);
      entry.content = coming.rest.hash.digest('hex');
    }
    const { size, modTime, mode } = stat;
    if (entry.size === size) this.whole.push({ size, modTime, mode, entry, seen: 0 });
  }

  #flush({ rest, stat, entry }: Coming): void {
    if (rest === undefined || rest.filled === 0) return;
    this.#writer.write(rest.buffer.subarray(0, rest.filled), entry.offset + entry.size - rest.filled);
    Object.assign(rest, empty(stat.size - entry.size));
  }

  #hardLink(stat: FileStat): false {
    const { path, linkname } = stat;
    if (this.#kinds.get(linkname) !== 'file' || linkname === path)
      throw refused(`'${text(path)}' as a hard link to '${text(linkname)}', which is no file that was sent`);
    this.entries.push({ ...entryOf(stat, 'file'), sameAs: linkname });
    return false;
  }

  #check(path: string): void {
    const slash = path.lastIndexOf('/');
    const parent = path.slice(0, Math.max(slash, 0));
    const name = path.slice(slash + 1);
    if (name === '' || name === '.' || name === '..' || path.includes('\0') || path.startsWith('/'))
      throw refused(`the path '${text(path)}', which is not one inside the folder`);
    if (name.length > longestName || path.length > longestPath)
      throw refused(`the path '${text(path)}', which is longer than Linux has them`);
    if (this.#kinds.get(parent) !== 'directory')
      throw refused(`the path '${text(path)}', whose folder '${text(parent)}' is none that was sent`);
    if (this.#kinds.has(path)) throw refused(`the path '${text(path)}' twice`);
    if (this.entries.length >= mostEntries) throw refused(`more than ${mostEntries} files`);
  }

  #checkSizes({ path, linkname, size, xattrs }: FileStat): void {
    if (!Number.isSafeInteger(size) || size < 0)
      throw refused(`'${text(path)}' with ${size} bytes, which no file has`);
    if (linkname.length > longestPath)
      throw refused(`the link '${text(path)}', whose target is longer than Linux has them`);
    const attributes = Object.entries(xattrs).reduce(
      (sum, [name, { length }]) => sum + name.length + length,
      0,
    );
    if (attributes > mostAttributes)
      throw refused(
        `'${text(path)}' with ${attributes} bytes of attributes, more than the ${mostAttributes} allowed`,
      );
    this.#said += path.length + linkname.length + attributes;
    if (this.#said > mostSaid) throw refused(`more than ${mostSaid} bytes of names and attributes`);
  }
}

function empty(size: number): { buffer: Buffer; filled: number } {
  return { buffer: Buffer.allocUnsafeSlow(Math.min(size, gathered)), filled: 0 };
}

/** Its time and mode were compared. */
function isAsKept({ uid, gid, xattrs }: PackedEntry, stat: FileStat): boolean {
  return (
    uid === stat.uid && gid === stat.gid && xattrs === undefined && Object.keys(stat.xattrs).length === 0
  );
}

function placeOf({ size, offset, content }: PackedEntry): Pick<PackedEntry, 'size' | 'offset' | 'content'> {
  return { size, offset, content };
}

function entryOf(stat: FileStat, kind: PackedEntry['kind']): PackedEntry {
  const { path, uid, gid, modTime, linkname } = stat;
  const entry: PackedEntry = {
    ...{ path, kind, mode: permissionsOf(stat.mode), uid, gid, mtime: modTime / 1e9, size: 0, offset: 0 },
    linkName: kind === 'symlink' ? linkname : '',
    content: kind === 'file' ? nothing : '',
  };
  if (kind === 'device') entry.node = nodeOf(stat);
  const xattrs = Object.entries(stat.xattrs).filter(([name]) => isCarried(name));
  // A view would keep all of the message that it came in.
  if (xattrs.length > 0)
    entry.xattrs = new Map(xattrs.map(([name, value]) => [name, Uint8Array.from(value)]));
  return entry;
}

function nodeOf({ mode, devmajor, devminor }: FileStat): DeviceNode {
  const type = nodeTypeOf(mode) ?? 'fifo';
  return { type, number: type === 'fifo' ? 0 : makeDevice(devmajor, devminor) };
}

export function refused(what: string): Error {
  return invalid('context-invalid', `receive files from the client: it sent ${what}`);
}
