import { bytesOf, type SparsePiece, type TarEntry, type TarType } from '#domain/archive/tar-entry.ts';
import { corrupt, type RawHeader } from '#domain/archive/tar-header.ts';
import type { SparseFile } from '#domain/archive/tar-sparse.ts';

const types: Record<string, TarType> = {
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hard-link',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

/** What the extension members before a member say about it. */
export interface Extensions {
  pax: Map<string, string>;
  longName?: string;
  longLink?: string;
}

/**
 * The entry that a header and the extensions before it describe; undefined for kinds that are skipped.
 * @param size of what the archive holds of its content
 * @throws invalid `layer-corrupt`
 */
export function memberEntry(
  header: RawHeader,
  size: number,
  { pax, longName, longLink }: Extensions,
  sparse: SparseFile | undefined,
): TarEntry | undefined {
  const name = sparse?.name ?? pax.get('path') ?? longName ?? header.name;
  const type = header.flag === '0' && name.endsWith('/') ? 'directory' : types[header.flag];
  if (type === undefined) return undefined;
  if (name.includes('\0')) throw corrupt(`'${name}' has a NUL in its name`);
  const entry: TarEntry = {
    name,
    type,
    linkName: pax.get('linkpath') ?? longLink ?? header.linkName,
    mode: header.mode & 0o7777,
    ...numbersOf(header, pax),
    size: sparse?.size ?? (type === 'file' ? size : 0),
    major: header.major,
    minor: header.minor,
    xattrs: xattrsOf(pax),
  };
  if (sparse !== undefined) entry.sparse = checkedPieces(sparse);
  return entry;
}

function numbersOf(header: RawHeader, pax: Map<string, string>): { uid: number; gid: number; mtime: number } {
  return {
    uid: paxNumber(pax, 'uid') ?? header.uid,
    gid: paxNumber(pax, 'gid') ?? header.gid,
    mtime: paxNumber(pax, 'mtime') ?? header.mtime,
  };
}

function checkedPieces({ size, pieces }: SparseFile): SparsePiece[] {
  for (const piece of pieces)
    if (piece.offset < 0 || piece.size < 0 || piece.offset + piece.size > size)
      throw corrupt('the map of a sparse file reaches beyond its end');
  return pieces;
}

function xattrsOf(pax: Map<string, string>): Map<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (const [key, value] of pax)
    if (key.startsWith('SCHILY.xattr.')) xattrs.set(key.slice('SCHILY.xattr.'.length), bytesOf(value));
  return xattrs;
}

/** A record's number, when it is there. @throws invalid `layer-corrupt` */
export function paxNumber(pax: Map<string, string>, key: string): number | undefined {
  const text = pax.get(key);
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (
    !/^-?[0-9]*\.?[0-9]*$/.test(text) ||
    !Number.isFinite(value) ||
    (key !== 'mtime' && !(Number.isSafeInteger(value) && value >= 0))
  )
    throw corrupt(`PAX record ${key}='${text}' is not a number`);
  return value;
}
