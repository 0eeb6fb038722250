import { spawn } from 'node:child_process';
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { invalid, systemCode, unavailable } from '#base/errors.ts';
import { compressionOf } from '#domain/image/compression.ts';

/**
 * The bytes of a stream, decompressed by what its first bytes say: gzip and zstd by Node, bzip2 and xz by
 * Debian's programs. The stream is destroyed when the reader stops.
 * @throws invalid `layer-corrupt`; unavailable `decompressor-missing`
 */
export async function* decompressed(source: Readable, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const chunks: AsyncIterator<unknown> = source[Symbol.asyncIterator]();
  const head = await headOf(chunks);
  const compression = compressionOf(head);
  const whole = joined(head, chunks, source);
  if (compression === 'none') yield* whole;
  else if (compression === 'gzip') yield* through(whole, createGunzip(), signal);
  else if (compression === 'zstd') yield* through(whole, createZstdDecompress(), signal);
  else yield* throughProgram(whole, compression, signal);
}

async function headOf(chunks: AsyncIterator<unknown>): Promise<Buffer> {
  let head = Buffer.alloc(0);
  while (head.length < 6) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, bufferOf(next.value)]);
  }
  return head;
}

async function* joined(head: Buffer, rest: AsyncIterator<unknown>, source: Readable): AsyncGenerator<Buffer> {
  try {
    if (head.length > 0) yield head;
    for (;;) {
      const next = await rest.next();
      if (next.done === true) return;
      yield bufferOf(next.value);
    }
  } finally {
    source.destroy();
  }
}

async function* through(
  source: AsyncIterable<Buffer>,
  filter: Transform,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  // Its failure destroys the filter with the same error, which the reader below gets.
  const fed = pipeline(source, filter, { ...(signal === undefined ? {} : { signal }) });
  fed.catch(() => undefined);
  try {
    for await (const chunk of filter) yield bufferOf(chunk);
    await fed;
  } catch (error) {
    signal?.throwIfAborted();
    throw isDataError(error) ? damaged(error) : error;
  } finally {
    filter.destroy();
  }
}

function isDataError(error: unknown): boolean {
  return /^Z_|^ZSTD/.test(systemCode(error) ?? '');
}

async function* throughProgram(
  source: AsyncIterable<Buffer>,
  program: 'bzip2' | 'xz',
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const child = spawn(program, ['-dc'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    killSignal: 'SIGKILL',
    ...(signal === undefined ? {} : { signal }),
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(missing(program, error)));
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(damaged(new Error(`${program} ended with ${code ?? 'a signal'}`)));
    });
  });
  // A program that stops reading tells why by its exit code, which is awaited below.
  const fed = pipeline(source, child.stdin).catch(() => undefined);
  ended.catch(() => undefined);
  try {
    for await (const chunk of child.stdout) yield bufferOf(chunk);
    await Promise.all([fed, ended]);
  } finally {
    child.kill('SIGKILL');
  }
}

function missing(program: string, error: Error): Error {
  if (systemCode(error) !== 'ENOENT') return error;
  const debianPackage = program === 'xz' ? 'xz-utils' : program;
  return unavailable(
    'decompressor-missing',
    `unpacking an archive: the program ${program} is not installed`,
    {
      hint: `install it: apt-get install ${debianPackage}`,
    },
  );
}

function damaged(error: unknown): Error {
  return invalid('layer-corrupt', 'unpacking an archive: its compressed data are damaged or cut short', {
    cause: error,
  });
}

function bufferOf(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new TypeError('a stream of bytes gave something else');
}
