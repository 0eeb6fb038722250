import { isKind } from '#base/errors.ts';
import type { Caller, Calls } from '#adapters/registry-client/calls.ts';
import { pages } from '#adapters/registry-client/registry-lists.ts';
import { pullError } from '#adapters/registry-client/registry-errors.ts';
import { textOf } from '#adapters/registry-client/transport.ts';
import { expectStatus } from '#adapters/registry-client/uploading.ts';
import { isDigest, type Digest } from '#domain/image/digest.ts';
import { parseIndex } from '#domain/image/documents.ts';
import { mediaTypes, type Descriptor, type Index } from '#domain/image/manifest.ts';
import { readManifest } from '#domain/registry/manifest.ts';

/** What refers to a manifest: a registry of version 1.0 has it under a tag (distribution specification, "Listing Referrers"). */
export async function listReferrers(calls: Calls, caller: Caller, subject: Digest): Promise<Descriptor[]> {
  const path = `/v2/${caller.reference.repository}/referrers/${subject}`;
  const found: Descriptor[] = [];
  try {
    for await (const page of pages(calls, caller, { method: 'GET', path, actions: 'pull' }))
      found.push(...parseIndex(page, `the referrers of ${subject}`).manifests);
    return found;
  } catch (error) {
    // A registry that knows the list has one for every digest. Others answer as they do to paths that they do not know.
    if (!isKind(error, 'not-found')) throw error;
    return taggedReferrers(calls, caller, subject);
  }
}

/**
 * Adds a manifest that has a subject to the list that a registry without the API has under a tag (distribution
 * specification, "Pushing Manifests with Subject"). Two clients at once can lose one of the two: the specification has nothing
 * against it.
 */
export async function tagReferrer(
  calls: Calls,
  caller: Caller,
  manifest: Descriptor,
  text: Buffer,
): Promise<void> {
  if (!text.includes('"subject"')) return;
  const { subject, artifactType, annotations } = readManifest(text.toString('utf8'), manifest.mediaType);
  if (subject === undefined || !isDigest(subject)) return;
  const added: Descriptor = {
    ...manifest,
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations !== undefined && { annotations }),
  };
  const known = await taggedReferrers(calls, caller, subject);
  if (known.some(({ digest }) => digest === added.digest)) return;
  const index: Index = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [...known, added],
  };
  const content = Buffer.from(JSON.stringify(index));
  const response = await calls.retried(caller, {
    method: 'PUT',
    path: pathOf(caller, subject),
    headers: { 'content-type': mediaTypes.ociIndex, 'content-length': String(content.length) },
    body: () => content,
    actions: 'pull,push',
  });
  await expectStatus(response, 201);
}

async function taggedReferrers(calls: Calls, caller: Caller, subject: Digest): Promise<Descriptor[]> {
  const response = await calls.retried(caller, {
    method: 'GET',
    path: pathOf(caller, subject),
    headers: { accept: mediaTypes.ociIndex },
    actions: 'pull',
  });
  const body = await textOf(response);
  if (response.status === 404) return [];
  if (response.status !== 200) throw pullError(caller.reference, response.status, body);
  return parseIndex(body, `the referrers of ${subject}`).manifests;
}

/** The tag of the referrers of a digest, `sha256-HEX`. */
function pathOf({ reference }: Caller, subject: Digest): string {
  return `/v2/${reference.repository}/manifests/${subject.replace(':', '-')}`;
}
