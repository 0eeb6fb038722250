import { BerthError, notFound } from '#base/errors.ts';
import { manifestLimit } from '#domain/registry/manifest.ts';
import { isTagName, parseContentDigest, parseManifestReference } from '#domain/registry/names.ts';
import type { ManifestRecord } from '#engine/registry/content.ts';
import type { ManifestReference } from '#engine/registry/manifests.ts';
import {
  answer,
  answerJson,
  bodyOf,
  isKnown,
  page,
  type Exchange,
  type Route,
} from '#api/registry/exchange.ts';
import { may } from '#engine/registry/access.ts';

const manifest = /^\/v2\/(.+)\/manifests\/([^/]+)$/;

export const manifestRoutes: readonly Route[] = [
  { method: 'GET', path: manifest, action: 'pull', handle: getManifest },
  { method: 'HEAD', path: manifest, action: 'pull', handle: headManifest },
  { method: 'PUT', path: manifest, action: 'push', handle: putManifest },
  { method: 'DELETE', path: manifest, action: 'delete', handle: deleteManifest },
  { method: 'GET', path: /^\/v2\/(.+)\/tags\/list()$/, action: 'pull', handle: listTags },
  { method: 'GET', path: /^\/v2\/(.+)\/referrers\/([^/]+)$/, action: 'pull', handle: listReferrers },
  { method: 'GET', path: /^\/v2\/_catalog()()$/, handle: listRepositories },
];

/** Further tags that one push of a manifest by its digest may set. */
const mostTags = 10;

async function getManifest(exchange: Exchange): Promise<void> {
  const { registry, caller } = exchange;
  const record = await wanted(exchange);
  if (record === undefined) return;
  const content = await registry.read(record, existing(exchange), caller.user);
  answer(exchange, 200, headersOf(record), content);
}

async function headManifest(exchange: Exchange): Promise<void> {
  const record = await wanted(exchange);
  if (record !== undefined) answer(exchange, 200, { ...headersOf(record), 'content-length': record.size });
}

/** The manifest, unless the client has it already and was told so. */
async function wanted(exchange: Exchange): Promise<ManifestRecord | undefined> {
  const { registry, repository, request, signal } = exchange;
  const record = await registry.find(repository, existing(exchange), signal);
  if (!isKnown(request, record.digest)) return record;
  answer(exchange, 304, headersOf(record));
  return undefined;
}

function headersOf({ mediaType, digest }: { mediaType: string; digest: string }): Record<string, string> {
  return { 'content-type': mediaType, 'docker-content-digest': digest, etag: `"${digest}"` };
}

async function putManifest(exchange: Exchange): Promise<void> {
  const { registry, repository, reference, request, query, caller } = exchange;
  registry.refuseMirror(repository);
  const content = await bodyOf(exchange, manifestLimit, 'registry-manifest-too-large');
  const tags = query.getAll('tag');
  if (tags.length > mostTags || !tags.every(isTagName))
    throw new BerthError(
      'invalid',
      'registry-tag-invalid',
      `the parameters tag name no more than ${mostTags} tags`,
    );
  const record = await registry.manifests.put({
    ...{ repository, content, tags, by: caller.user },
    reference: parseManifestReference(reference),
    contentType: request.headers['content-type'] ?? '',
  });
  answer(exchange, 201, {
    location: `/v2/${repository}/manifests/${record.digest}`,
    'docker-content-digest': record.digest,
    'content-length': 0,
    ...(record.subject !== undefined && { 'oci-subject': record.subject }),
    ...(tags.length > 0 && { 'oci-tag': tags }),
  });
}

async function deleteManifest(exchange: Exchange): Promise<void> {
  const { registry, repository, caller } = exchange;
  await registry.manifests.delete(repository, existing(exchange), caller.user);
  answer(exchange, 202);
}

/** Whatever cannot be a tag is not there. */
function existing({ repository, reference }: Exchange): ManifestReference {
  if (reference.includes(':') || isTagName(reference)) return parseManifestReference(reference);
  throw notFound(
    'registry-manifest-unknown',
    `the repository '${repository}' has no manifest '${reference.slice(0, 160)}'`,
  );
}

async function listTags(exchange: Exchange): Promise<void> {
  const { registry, repository, query, signal } = exchange;
  const { names: tags, headers } = page(
    await registry.tags(repository, signal),
    query,
    `/v2/${repository}/tags/list`,
  );
  answerJson(exchange, { name: repository, tags }, headers);
}

async function listReferrers(exchange: Exchange): Promise<void> {
  const { registry, repository, reference, query, signal } = exchange;
  const artifactType = query.get('artifactType') ?? undefined;
  const list = await registry.referrers(repository, parseContentDigest(reference), artifactType, signal);
  const filtered = artifactType === undefined ? {} : { 'oci-filters-applied': 'artifactType' };
  answerJson(exchange, list, { 'content-type': list.mediaType, ...filtered });
}

/** Those that the caller may pull from. */
function listRepositories(exchange: Exchange): void {
  const { registry, caller, query } = exchange;
  const seen = registry.repositories((name) => may(caller, name, 'pull'));
  const { names: repositories, headers } = page(seen, query, '/v2/_catalog');
  answerJson(exchange, { repositories }, headers);
}
