import { invalid } from '#base/errors.ts';
import { blockSize, byteString, type SparsePiece } from '#domain/archive/tar-entry.ts';

// Decodes one 512-byte header block: ustar (POSIX.1-1988), GNU's variant, and the older V7 format.

export interface RawHeader {
  name: string;
  linkName: string;
  /** The type flag as a character; NUL reads as '0'. */
  flag: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  major: number;
  minor: number;
}

export function corrupt(what: string): Error {
  return invalid('layer-corrupt', `reading a tar archive: ${what}`, {
    hint: 'the archive is damaged or cut short',
  });
}

/** @throws invalid `layer-corrupt` */
export function decodeHeader(block: Uint8Array): RawHeader {
  verifyChecksum(block);
  const format = byteString(block.subarray(257, 265));
  const posix = format.startsWith('ustar\0');
  const known = posix || format === 'ustar  \0';
  const prefix = posix ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  const code = block[156] ?? 0;
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    flag: code === 0 ? '0' : String.fromCharCode(code),
    mode: number(block, 100, 8),
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: number(block, 124, 12),
    mtime: number(block, 136, 12),
    major: known ? number(block, 329, 8) : 0,
    minor: known ? number(block, 337, 8) : 0,
  };
}

export function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** Old tars summed signed bytes. */
function verifyChecksum(block: Uint8Array): void {
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < blockSize; i++) {
    const byte = i >= 148 && i < 156 ? 32 : (block[i] ?? 0);
    unsigned += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  const stored = number(block, 148, 8);
  if (stored !== unsigned && stored !== signed)
    throw corrupt(`found a header with the checksum ${stored}; required is ${unsigned}`);
}

function text(block: Uint8Array, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return byteString(end < 0 ? field : field.subarray(0, end));
}

/** Octal digits, or base 256 where the first bit is set (GNU). */
function number(block: Uint8Array, start: number, length: number): number {
  const first = block[start] ?? 0;
  if ((first & 0x80) !== 0) return base256(block.subarray(start, start + length));
  const digits = text(block, start, length).trim();
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw corrupt(`'${digits}' is not an octal number`);
  return Number.parseInt(digits, 8);
}

function base256(field: Uint8Array): number {
  const negative = ((field[0] ?? 0) & 0x40) !== 0;
  let value = 0;
  for (const [i, byte] of field.entries()) {
    const bits = i === 0 ? byte & 0x7f : byte;
    value = value * 256 + (negative ? (i === 0 ? 0x7f : 0xff) - bits : bits);
  }
  if (!Number.isSafeInteger(value)) throw corrupt('a number in a header is out of range');
  return negative ? -value - 1 : value;
}

/** What GNU's old sparse format (flag S) keeps in the header and in blocks that follow it. */
export function oldSparseHeader(block: Uint8Array): { size: number; pieces: SparsePiece[]; more: boolean } {
  return {
    size: number(block, 483, 12),
    pieces: sparsePieces(block, 386, 4),
    more: block[482] !== 0,
  };
}

export function oldSparseExtension(block: Uint8Array): { pieces: SparsePiece[]; more: boolean } {
  return { pieces: sparsePieces(block, 0, 21), more: block[504] !== 0 };
}

function sparsePieces(block: Uint8Array, start: number, count: number): SparsePiece[] {
  const pieces: SparsePiece[] = [];
  for (let at = start; at < start + count * 24; at += 24) {
    if (block[at] === 0) break;
    pieces.push({ offset: number(block, at, 12), size: number(block, at + 12, 12) });
  }
  return pieces;
}
