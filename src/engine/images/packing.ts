import { promisify } from 'node:util';
import { constants, gzip, zstdCompress } from 'node:zlib';
import { concatBytes } from '#base/bytes.ts';

/** What is compressed at a time: each such block is a gzip member or a zstd frame of its own. */
const blockSize = 1024 * 1024;
/** Blocks compressed at once, on threads: as many as Node has for such work. */
const ahead = 4;

export interface Packing {
  kind: 'gzip' | 'zstd';
  /** 0: the usual one, 6 of gzip and 3 of zstd. */
  level: number;
}

/**
 * The stream compressed by several cores. The same bytes come out each time: members of a gzip file (RFC 1952, section 2.2)
 * and frames of zstd (RFC 8878, section 3.1) may follow each other.
 */
export async function* packed(
  source: AsyncIterable<Uint8Array>,
  packing: Packing,
): AsyncGenerator<Uint8Array> {
  const underway: Promise<Uint8Array>[] = [];
  try {
    for await (const block of blocks(source)) {
      const compressing = pack(block, packing);
      compressing.catch(() => undefined);
      underway.push(compressing);
      if (underway.length < ahead) continue;
      const first = await underway.shift();
      if (first !== undefined) yield first;
    }
    for (const rest of underway.splice(0)) yield await rest;
  } finally {
    await Promise.allSettled(underway);
  }
}

const gzipAsync = promisify<Uint8Array, { level: number }, Buffer>(gzip);
const zstdAsync = promisify<Uint8Array, { params: Record<number, number> }, Buffer>(zstdCompress);

function pack(block: Uint8Array, { kind, level }: Packing): Promise<Uint8Array> {
  if (kind === 'gzip') return gzipAsync(block, { level: level === 0 ? 6 : Math.min(level, 9) });
  return zstdAsync(block, { params: { [constants.ZSTD_c_compressionLevel]: level === 0 ? 3 : level } });
}

/** The same bytes in blocks; of nothing one empty block, which has to be told too. */
async function* blocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let size = 0;
  let isFirst = true;
  for await (const chunk of source)
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + blockSize - size);
      parts.push(part);
      size += part.length;
      at += part.length;
      if (size < blockSize) continue;
      yield concatBytes(parts);
      [parts, size, isFirst] = [[], 0, false];
    }
  if (size > 0 || isFirst) yield concatBytes(parts);
}
