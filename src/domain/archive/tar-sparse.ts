import { byteString, type SparsePiece } from '#domain/archive/tar-entry.ts';
import { corrupt } from '#domain/archive/tar-header.ts';

// GNU tar's sparse files in pax archives (GNU tar manual, "Storing Sparse Files"): format 0.1 has its map
// in a PAX record, 1.0 at the start of the member's body.

export interface SparseFile {
  name?: string;
  /** Bytes with the holes. */
  size: number;
  pieces: SparsePiece[];
}

/** Undefined for an ordinary file. @throws invalid `layer-corrupt` */
export function paxSparse(pax: Map<string, string>): SparseFile | 'map-in-body' | undefined {
  if (pax.get('GNU.sparse.major') === '1') return 'map-in-body';
  const map = pax.get('GNU.sparse.map');
  if (map === undefined) return undefined;
  return sparseFile(pax, map.split(',').map(toNumber));
}

function sparseFile(pax: Map<string, string>, numbers: number[]): SparseFile {
  const pieces: SparsePiece[] = [];
  for (let i = 0; i + 1 < numbers.length; i += 2)
    pieces.push({ offset: numbers[i] ?? 0, size: numbers[i + 1] ?? 0 });
  const file: SparseFile = {
    size: toNumber(pax.get('GNU.sparse.realsize') ?? pax.get('GNU.sparse.size') ?? ''),
    pieces,
  };
  const name = pax.get('GNU.sparse.name');
  if (name !== undefined) file.name = name;
  return file;
}

/** Gathers the blocks of a map: lines with the count of pieces, then offset and size of each. */
export class SparseMapReader {
  readonly #pax: Map<string, string>;
  #text = '';

  constructor(pax: Map<string, string>) {
    this.#pax = pax;
  }

  /** The file once its map is complete. @throws invalid `layer-corrupt` */
  push(block: Uint8Array): SparseFile | undefined {
    this.#text += byteString(block);
    if (this.#text.length > 1024 * 1024) throw corrupt('the map of a sparse file is too long');
    const lines = this.#text.split('\n');
    const count = toNumber(lines[0] ?? '');
    if (lines.length - 1 < 1 + count * 2) return undefined;
    return sparseFile(this.#pax, lines.slice(1, 1 + count * 2).map(toNumber));
  }
}

function toNumber(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw corrupt(`'${text}' in the map of a sparse file is not a number`);
  return Number(text);
}
