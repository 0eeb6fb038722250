import {
  blockSize,
  byteString,
  paddingOf,
  type SparsePiece,
  type TarEntry,
} from '#domain/archive/tar-entry.ts';
import { concatBytes } from '#base/bytes.ts';
import { decodePax } from '#domain/archive/pax.ts';
import {
  corrupt,
  decodeHeader,
  isZero,
  oldSparseExtension,
  oldSparseHeader,
  type RawHeader,
} from '#domain/archive/tar-header.ts';
import { memberEntry, paxNumber, type Extensions } from '#domain/archive/member-entry.ts';
import { paxSparse, SparseMapReader, type SparseFile } from '#domain/archive/tar-sparse.ts';

/** Hears the members of an archive in order, synchronously. A chunk is valid only during the call. */
export interface TarListener {
  entry(entry: TarEntry): void;
  /** A piece of the present file and where in the file it belongs. */
  data(chunk: Uint8Array, position: number): void;
  /** The present member is complete. */
  end(): void;
}

/** Longest extension (PAX records, GNU long name) that is kept in memory. */
const maxExtension = 1024 * 1024;

type Step =
  | { at: 'header' }
  | { at: 'extension'; flag: string; size: number; parts: Uint8Array[]; left: number }
  | { at: 'old-sparse'; header: RawHeader; file: SparseFile }
  | { at: 'sparse-map'; header: RawHeader; size: number; reader: SparseMapReader }
  | { at: 'body'; pieces: SparsePiece[]; left: number; done: number }
  | { at: 'skip'; left: number }
  | { at: 'end' };

/**
 * Reads a tar archive that comes in chunks of any size (POSIX ustar and pax, GNU, V7), without copying
 * the files' content. It stops listening after two blocks of zeros; what follows is ignored.
 */
export class TarParser {
  readonly #listener: TarListener;
  readonly #block = new Uint8Array(blockSize);
  #filled = 0;
  #zeroBlocks = 0;
  #step: Step = { at: 'header' };
  #extensions: Extensions = { pax: new Map() };

  constructor(listener: TarListener) {
    this.#listener = listener;
  }

  /** @throws invalid `layer-corrupt`; whatever the listener throws */
  push(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.length > 0 && this.#step.at !== 'end') {
      const taken = this.#take(rest);
      rest = rest.subarray(taken);
    }
  }

  /** @throws invalid `layer-corrupt` when the archive ends within a member */
  end(): void {
    if (this.#step.at === 'end' || (this.#step.at === 'header' && this.#filled === 0)) return;
    // Writers that are not closed properly leave out the last member's padding: the docker client with `-f -`.
    if (this.#step.at === 'skip' && this.#step.left < blockSize) return;
    throw corrupt('it ends in the middle of a member');
  }

  #take(chunk: Uint8Array): number {
    const step = this.#step;
    switch (step.at) {
      case 'body':
        return this.#takeBody(step, chunk);
      case 'extension': {
        const piece = chunk.slice(0, step.left);
        step.parts.push(piece);
        step.left -= piece.length;
        if (step.left === 0) this.#finishExtension(step.flag, step.parts, step.size);
        return piece.length;
      }
      case 'skip': {
        const skipped = Math.min(step.left, chunk.length);
        step.left -= skipped;
        if (step.left === 0) this.#step = { at: 'header' };
        return skipped;
      }
      case 'end':
        return chunk.length;
      default:
        return this.#takeBlock(step, chunk);
    }
  }

  #takeBlock(step: Step, chunk: Uint8Array): number {
    const piece = chunk.subarray(0, blockSize - this.#filled);
    this.#block.set(piece, this.#filled);
    this.#filled += piece.length;
    if (this.#filled < blockSize) return piece.length;
    this.#filled = 0;
    if (step.at === 'header') this.#header(this.#block);
    else if (step.at === 'old-sparse') this.#oldSparse(step, this.#block);
    else if (step.at === 'sparse-map') this.#sparseMap(step, this.#block);
    return piece.length;
  }

  #header(block: Uint8Array): void {
    if (isZero(block)) {
      this.#zeroBlocks++;
      if (this.#zeroBlocks === 2) this.#step = { at: 'end' };
      return;
    }
    if (this.#zeroBlocks > 0) throw corrupt('a block of zeros stands between two members');
    const header = decodeHeader(block);
    if (header.size < 0) throw corrupt(`'${header.name}' has a negative size`);
    if ('xgLK'.includes(header.flag)) this.#startExtension(header);
    else if (header.flag === 'S') this.#startOldSparse(header, block);
    else this.#startMember(header);
  }

  #startExtension(header: RawHeader): void {
    if (header.size > maxExtension)
      throw corrupt(`an extended header has ${header.size} bytes; at most ${maxExtension} are read`);
    const { flag, size } = header;
    this.#step = { at: 'extension', flag, size, parts: [], left: size + paddingOf(size) };
    if (size === 0) this.#finishExtension(flag, [], 0);
  }

  #finishExtension(flag: string, parts: Uint8Array[], size: number): void {
    const body = concatBytes(parts).subarray(0, size);
    this.#step = { at: 'header' };
    // Global records (g) are ignored, as Docker ignores them.
    if (flag === 'x') this.#extensions.pax = decodePax(body);
    if (flag === 'L') this.#extensions.longName = untilZero(body);
    if (flag === 'K') this.#extensions.longLink = untilZero(body);
  }

  #startMember(header: RawHeader): void {
    const { pax } = this.#extensions;
    const size = paxNumber(pax, 'size') ?? header.size;
    const sparse = paxSparse(pax);
    if (sparse === 'map-in-body')
      this.#step = { at: 'sparse-map', header, size, reader: new SparseMapReader(pax) };
    else this.#begin(header, size, sparse);
  }

  #startOldSparse(header: RawHeader, block: Uint8Array): void {
    const { size, pieces, more } = oldSparseHeader(block);
    const file: SparseFile = { size, pieces };
    if (more) this.#step = { at: 'old-sparse', header, file };
    else this.#begin(header, header.size, file);
  }

  #oldSparse(step: { header: RawHeader; file: SparseFile }, block: Uint8Array): void {
    const { pieces, more } = oldSparseExtension(block);
    step.file.pieces.push(...pieces);
    if (!more) this.#begin(step.header, step.header.size, step.file);
  }

  #sparseMap(step: { header: RawHeader; size: number; reader: SparseMapReader }, block: Uint8Array): void {
    step.size -= blockSize;
    const file = step.reader.push(block);
    if (file !== undefined) this.#begin(step.header, step.size, file);
  }

  /** `stored` is what follows in the archive; a sparse file is larger. */
  #begin(header: RawHeader, stored: number, sparse: SparseFile | undefined): void {
    const entry = memberEntry(header, stored, this.#extensions, sparse);
    this.#extensions = { pax: new Map() };
    if (entry?.type !== 'file') {
      if (entry !== undefined) {
        this.#listener.entry(entry);
        this.#listener.end();
      }
      // Links, folders and nodes have no content, whatever size they state; unknown members are skipped.
      this.#skip(entry === undefined ? stored + paddingOf(stored) : 0);
      return;
    }
    if (stored < 0) throw corrupt(`'${entry.name}' is shorter than its map`);
    this.#listener.entry(entry);
    const pieces = sparse?.pieces ?? [{ offset: 0, size: stored }];
    this.#step = { at: 'body', pieces: pieces.map((piece) => ({ ...piece })), left: stored, done: stored };
    if (stored === 0) this.#finishBody(stored);
  }

  #takeBody(step: { pieces: SparsePiece[]; left: number; done: number }, chunk: Uint8Array): number {
    const piece = step.pieces[0];
    if (piece === undefined) throw corrupt('a sparse file holds more than its map says');
    const part = chunk.subarray(0, Math.min(piece.size, step.left));
    if (part.length > 0) this.#listener.data(part, piece.offset);
    piece.offset += part.length;
    piece.size -= part.length;
    step.left -= part.length;
    if (piece.size === 0) step.pieces.shift();
    if (step.left === 0) this.#finishBody(step.done);
    return part.length;
  }

  #finishBody(stored: number): void {
    this.#listener.end();
    this.#skip(paddingOf(stored));
  }

  #skip(left: number): void {
    this.#step = left === 0 ? { at: 'header' } : { at: 'skip', left };
  }
}

function untilZero(body: Uint8Array): string {
  const end = body.indexOf(0);
  return byteString(end < 0 ? body : body.subarray(0, end));
}
