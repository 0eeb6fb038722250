import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { concatBytes } from '#base/bytes.ts';
import { derivedStream } from '#base/derived-stream.ts';
import { compressionOf, type Compression } from '#domain/image/compression.ts';
import type { Decompressor } from '#ports/decompressor.ts';

const chunkSize = 256 * 1024;

/**
 * The content of a compressed stream. An error of either is an error of the result; destroying the result
 * destroys the source.
 */
function decompressed(source: Readable, compression: Compression, decompressor: Decompressor): Readable {
  switch (compression) {
    case 'none':
      return source;
    case 'gzip':
      return pipeline(source, createGunzip({ chunkSize }), () => undefined);
    case 'zstd':
      return pipeline(source, createZstdDecompress({ chunkSize }), () => undefined);
    default:
      return decompressor.open(source);
  }
}

/** As `decompressed`, the compression told from the first bytes. */
export async function decompressedAny(source: Readable, decompressor: Decompressor): Promise<Readable> {
  const { start, whole } = await peek(source, 6);
  return decompressed(derivedStream(source, whole), compressionOf(start), decompressor);
}

/** The first bytes of a stream, `count` of them if it has so many, and the stream with them. */
export async function peek(
  source: AsyncIterable<Uint8Array>,
  count: number,
): Promise<{ start: Uint8Array; whole: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  let start: Uint8Array = new Uint8Array(0);
  while (start.length < count) {
    const next = await iterator.next();
    if (next.done === true) break;
    start = start.length === 0 ? next.value : concatBytes([start, next.value]);
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    if (start.length > 0) yield start;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { start, whole: all() };
}
