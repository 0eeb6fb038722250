import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm, utimes } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fetchUrl } from '#adapters/files/fetch.ts';
import { invalid } from '#base/errors.ts';

/** `path` is an absolute path of this machine. */
export async function fetchFile(
  url: URL,
  path: string,
  { checksum, signal }: { checksum?: string; signal: AbortSignal },
): Promise<void> {
  const response = await fetchUrl(url, signal);
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(
    Readable.from(response.body ?? []),
    hashing,
    createWriteStream(path, { mode: 0o600, flags: 'wx' }),
    {
      signal,
    },
  );
  const found = `sha256:${hash.digest('hex')}`;
  if (checksum !== undefined && checksum !== found) {
    await rm(path, { force: true });
    throw invalid(
      'download-checksum-mismatch',
      `fetching ${url.href}: found the digest ${found}; required is ${checksum}`,
    );
  }
  const modified = Date.parse(response.headers.get('last-modified') ?? '');
  const seconds = Number.isNaN(modified) ? 0 : modified / 1000;
  await utimes(path, seconds, seconds);
}
