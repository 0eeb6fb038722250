import { isKind } from '#base/errors.ts';
import { checkRepositoryName, parseContentDigest, type ContentDigest } from '#domain/registry/names.ts';
import { parseContentRange, uploadRange } from '#domain/registry/ranges.ts';
import { may } from '#engine/registry/access.ts';
import type { Chunk, UploadKey } from '#engine/registry/blob-uploads.ts';
import { answer, bytesOf, lengthOf, type Exchange, type Route } from '#api/registry/exchange.ts';

const begin = /^\/v2\/(.+)\/blobs\/uploads\/?()$/;
const upload = /^\/v2\/(.+)\/blobs\/uploads\/([^/]+)$/;

export const uploadRoutes: readonly Route[] = [
  { method: 'POST', path: begin, action: 'push', handle: beginUpload },
  { method: 'GET', path: upload, action: 'push', handle: getUpload },
  { method: 'PATCH', path: upload, action: 'push', handle: patchUpload },
  { method: 'PUT', path: upload, action: 'push', handle: putUpload },
  { method: 'DELETE', path: upload, action: 'push', handle: deleteUpload },
];

/** Begins an upload; with `digest` it takes the blob at once, with `mount` from another repository if it can. */
async function beginUpload(exchange: Exchange): Promise<void> {
  const { registry, query, repository, caller } = exchange;
  registry.refuseMirror(repository);
  const mount = query.get('mount');
  if (mount !== null && (await mountBlob(exchange, parseContentDigest(mount)))) return;
  const digest = mount === null ? query.get('digest') : null;
  const wanted = digest === null ? undefined : parseContentDigest(digest);
  const key = { id: await registry.uploads.begin(repository, caller.user), repository, by: caller.user };
  if (wanted === undefined) {
    answer(exchange, 202, { ...headersOf(key, 0), 'content-length': 0 });
    return;
  }
  try {
    await registry.uploads.finish(key, wanted, chunkOf(exchange));
  } catch (error) {
    // Nobody knows of it, so nobody could go on with it.
    await registry.uploads.cancel(key).catch(ignoreGone);
    throw error;
  }
  created(exchange, wanted);
}

async function mountBlob(exchange: Exchange, digest: ContentDigest): Promise<boolean> {
  const { registry, query, repository, caller } = exchange;
  const from = query.get('from') ?? '';
  const source = from === '' ? undefined : checkRepositoryName(from);
  // Whoever may pull from there, but has not asked for a token to, is told to.
  if (source !== undefined && may(caller, source, 'pull')) registry.access.require(caller, source, 'pull');
  const mayPull = (name: string): boolean => may(caller, name, 'pull') && isInScope(exchange, name);
  const link = await registry.blobs.mount(repository, digest, source, mayPull);
  if (link !== undefined) created(exchange, digest);
  return link !== undefined;
}

function isInScope({ registry, caller }: Exchange, name: string): boolean {
  try {
    registry.access.require(caller, name, 'pull');
    return true;
  } catch (error) {
    if (isKind(error, 'unauthorized')) return false;
    throw error;
  }
}

/** How far it is: where a client goes on after its connection broke. */
async function getUpload(exchange: Exchange): Promise<void> {
  const key = keyOf(exchange);
  answer(exchange, 204, headersOf(key, await exchange.registry.uploads.size(key)));
}

async function patchUpload(exchange: Exchange): Promise<void> {
  const key = keyOf(exchange);
  const size = await locating(exchange, key, () => exchange.registry.uploads.append(key, chunkOf(exchange)));
  answer(exchange, 202, { ...headersOf(key, size), 'content-length': 0 });
}

async function putUpload(exchange: Exchange): Promise<void> {
  const { registry, query, request } = exchange;
  const key = keyOf(exchange);
  const digest = parseContentDigest(query.get('digest') ?? '');
  const isEmpty =
    lengthOf(request) === 0 || (lengthOf(request) ?? request.headers['transfer-encoding']) === undefined;
  const chunk = isEmpty ? undefined : chunkOf(exchange);
  await locating(exchange, key, () => registry.uploads.finish(key, digest, chunk));
  created(exchange, digest);
}

async function deleteUpload(exchange: Exchange): Promise<void> {
  await exchange.registry.uploads.cancel(keyOf(exchange));
  answer(exchange, 204);
}

/** A refused chunk is answered with where the next one has to begin. */
async function locating<T>(
  { registry, response }: Exchange,
  key: UploadKey,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const size = await registry.uploads.size(key).catch(ignoreGone);
    if (size !== undefined && !response.destroyed)
      for (const [name, value] of Object.entries(headersOf(key, size))) response.setHeader(name, value);
    throw error;
  }
}

function chunkOf({ request }: Exchange): Chunk {
  const range = parseContentRange(request.headers['content-range']);
  const length = lengthOf(request);
  return {
    ...{ content: bytesOf(request), cut: () => request.destroy() },
    ...(range !== undefined && { range }),
    ...(length !== undefined && { length }),
  };
}

function keyOf({ reference: id, repository, caller }: Exchange): UploadKey {
  return { id, repository, by: caller.user };
}

function headersOf({ id, repository }: UploadKey, size: number): Record<string, string> {
  return {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    range: uploadRange(size),
    'docker-upload-uuid': id,
  };
}

function created(exchange: Exchange, digest: ContentDigest): void {
  const location = `/v2/${exchange.repository}/blobs/${digest}`;
  answer(exchange, 201, { location, 'docker-content-digest': digest, 'content-length': 0 });
}

function ignoreGone(error: unknown): undefined {
  if (isKind(error, 'not-found')) return undefined;
  throw error;
}
