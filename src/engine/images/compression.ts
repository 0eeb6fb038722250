import { pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { unsupported } from '#base/errors.ts';
import { compressionOf, type Compression } from '#domain/image/compression.ts';

const chunkSize = 256 * 1024;

/**
 * The content of a compressed stream. An error of either is an error of the result; destroying the result
 * destroys the source.
 * @throws unsupported `compression-unsupported`
 */
export function decompressed(source: Readable, compression: Compression): Readable {
  switch (compression) {
    case 'none':
      return source;
    case 'gzip':
      return pipeline(source, createGunzip({ chunkSize }), () => undefined);
    case 'zstd':
      return pipeline(source, createZstdDecompress({ chunkSize }), () => undefined);
    default:
      source.destroy();
      throw unsupported('compression-unsupported', `reading an archive compressed with ${compression}`, {
        hint: 'decompress it first; gzip and zstd are read as they are',
      });
  }
}

/** As `decompressed`, the compression told from the first bytes. */
export async function decompressedAny(source: Readable): Promise<Readable> {
  const { start, whole } = await peek(source);
  return decompressed(whole, compressionOf(start));
}

async function peek(source: Readable): Promise<{ start: Buffer; whole: Readable }> {
  const chunks: AsyncIterable<Buffer> = source;
  const iterator = chunks[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  while (start.length < 6) {
    const next = await iterator.next();
    if (next.done === true) break;
    start = Buffer.concat([start, next.value]);
  }
  async function* all(): AsyncGenerator<Buffer> {
    if (start.length > 0) yield start;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { start, whole: Readable.from(all(), { objectMode: false }) };
}
