import { closeSync, constants, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { internal } from '#base/errors.ts';
import { raw, text } from '#adapters/files/byte-path.ts';
import { LinkedMembers, memberOf, typeOf } from '#adapters/files/member.ts';
import { getXattr, listXattrs } from '#adapters/linux/libc.ts';
import { paddingOf, type TarEntry } from '#domain/archive/tar-entry.ts';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';
import { toContainer } from '#domain/user-namespace/id-mappings.ts';
import type { TarRules } from '#adapters/overlay/tree-jobs.ts';
import { isOpaque, isWhiteout, walk } from '#adapters/overlay/upper-tree.ts';
import { opaqueMarker, whiteoutPrefix } from '#adapters/overlay/whiteout.ts';

const pieceSize = 256 * 1024;

/** Takes back what it gave earlier, to be used again. */
type TarPieces<T = void> = Generator<Piece, T, Piece | undefined>;
type Piece = Uint8Array<ArrayBuffer>;

/**
 * The tree of an upper directory as an OCI layer tar (layer.md), in large pieces: sorted, whiteouts as `.wh.` files, hard
 * links kept. The same tree gives the same bytes; times later than `epoch` (seconds) become `epoch`. Ends with the bytes that its files hold.
 */
export function* upperTar(
  upper: string,
  { epoch, mappings, without = [] }: Partial<TarRules> = {},
): TarPieces<number> {
  const clamp = (seconds: number): number => Math.floor(Math.min(seconds, epoch ?? Infinity));
  const links = new LinkedMembers();
  const pieces = new Pieces();
  let size = 0;
  if (isOpaque(upper)) yield* pieces.put(encodeHeader(marker(opaqueMarker, lstatSync(raw(upper)), clamp)));
  for (const { relative, path, stat } of walk(upper, '', new Set(without))) {
    if (isWhiteout(stat)) {
      yield* pieces.put(encodeHeader(marker(whiteoutName(relative), stat, clamp)));
      continue;
    }
    const entry = entryOf(relative, path, stat, links);
    if (entry === undefined) continue;
    entry.mtime = clamp(entry.mtime);
    if (mappings !== undefined) Object.assign(entry, toContainer(mappings, entry));
    yield* pieces.put(encodeHeader(entry));
    if (entry.type === 'file') {
      yield* content(pieces, path, stat.size);
      size += stat.size;
    }
    if (stat.isDirectory() && isOpaque(path))
      yield* pieces.put(encodeHeader(marker(`${relative}/${opaqueMarker}`, stat, clamp)));
  }
  yield* pieces.put(tarEnd);
  yield* pieces.end();
  return size;
}

/** Gathers what is written into pieces of one size: some thousand files would have the garbage of each collected. */
class Pieces {
  #piece: Piece = Buffer.allocUnsafeSlow(pieceSize);
  #filled = 0;

  *put(bytes: Uint8Array): TarPieces {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + pieceSize - this.#filled);
      this.#piece.set(part, this.#filled);
      at += part.length;
      yield* this.#wrote(part.length);
    }
  }

  /** What comes next of a file, at most so many bytes; gives how many. */
  *read(fd: number, most: number): TarPieces<number> {
    const length = readSync(fd, this.#piece, this.#filled, Math.min(most, pieceSize - this.#filled), null);
    yield* this.#wrote(length);
    return length;
  }

  *end(): TarPieces {
    if (this.#filled > 0) yield this.#piece.subarray(0, this.#filled);
  }

  *#wrote(length: number): TarPieces {
    this.#filled += length;
    if (this.#filled < pieceSize) return;
    this.#piece = (yield this.#piece) ?? Buffer.allocUnsafeSlow(pieceSize);
    this.#filled = 0;
  }
}

function marker(name: string, stat: Stats, clamp: (seconds: number) => number): TarEntry {
  return tarEntry(name, 'file', { mode: 0, mtime: clamp(stat.mtimeMs / 1000) });
}

function whiteoutName(relative: string): string {
  const slash = relative.lastIndexOf('/') + 1;
  return `${relative.slice(0, slash)}${whiteoutPrefix}${relative.slice(slash)}`;
}

function entryOf(relative: string, path: string, stat: Stats, links: LinkedMembers): TarEntry | undefined {
  const type = typeOf(stat);
  if (type === undefined) return undefined;
  const first = links.firstOf(stat, relative);
  if (first !== undefined) return { ...memberOf(relative, 'hard-link', stat, raw(path)), linkName: first };
  const entry = memberOf(type === 'directory' ? `${relative}/` : relative, type, stat, raw(path));
  return { ...entry, xattrs: xattrsOf(path) };
}

function xattrsOf(path: string): Map<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (const name of listXattrs(text(path))) {
    if (name.startsWith('trusted.overlay.')) continue;
    const value = getXattr(text(path), name);
    if (value !== undefined) xattrs.set(Buffer.from(name).toString('latin1'), value);
  }
  return xattrs;
}

/** Exactly `size` bytes, as the header promised, and their padding. */
function* content(pieces: Pieces, path: string, size: number): TarPieces {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(raw(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    for (let left = size; left > 0;) {
      const length = yield* pieces.read(fd, left);
      if (length === 0)
        throw internal('layer-changing', `reading '${path}': it became shorter while its layer was made`);
      left -= length;
    }
  } finally {
    closeSync(fd);
  }
  if (paddingOf(size) > 0) yield* pieces.put(new Uint8Array(paddingOf(size)));
}
