import { pipeline } from 'node:stream/promises';
import { BerthError } from '#base/errors.ts';
import { parseContentDigest } from '#domain/registry/names.ts';
import { parseRange } from '#domain/registry/ranges.ts';
import { answer, isKnown, type Exchange, type Route } from '#api/registry/exchange.ts';

const path = /^\/v2\/(.+)\/blobs\/([^/]+)$/;

export const blobRoutes: readonly Route[] = [
  { method: 'GET', path, action: 'pull', handle: getBlob },
  { method: 'HEAD', path, action: 'pull', handle: getBlob },
  { method: 'DELETE', path, action: 'delete', handle: deleteBlob },
];

/** The content streams from the file, or along with what is fetched now; a range of it when one is asked for. */
async function getBlob(exchange: Exchange): Promise<void> {
  const { registry, request, response, repository, reference, signal } = exchange;
  const digest = parseContentDigest(reference);
  const { size, open } = await registry.blob(repository, digest, signal);
  const headers = {
    'docker-content-digest': digest,
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    'cache-control': 'max-age=31536000',
    etag: `"${digest}"`,
  };
  if (isKnown(request, digest)) {
    answer(exchange, 304, headers);
    return;
  }
  const range = request.method === 'HEAD' ? undefined : parseRange(request.headers.range, size);
  if (range === 'unsatisfiable') {
    response.setHeader('content-range', `bytes */${size}`);
    throw new BerthError(
      'invalid',
      'registry-range-unsatisfiable',
      `the range '${request.headers.range ?? ''}' is beyond the blob's ${size} bytes`,
    );
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  if (request.method === 'HEAD') {
    answer(exchange, 200, { ...headers, 'content-length': size });
    return;
  }
  const content = await open(size === 0 ? { start: 0 } : { start, end });
  const partial = range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${size}` };
  response.writeHead(range === undefined ? 200 : 206, {
    ...headers,
    ...partial,
    'content-length': end - start + 1,
  });
  await pipeline(content, response);
}

async function deleteBlob(exchange: Exchange): Promise<void> {
  const { registry, repository, reference, caller } = exchange;
  await registry.blobs.delete(repository, parseContentDigest(reference), caller.user);
  answer(exchange, 202);
}
