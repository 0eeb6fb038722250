import { fingerprint } from '#base/ids.ts';
import { parseIndex, parseManifest } from '#domain/image/documents.ts';
import {
  manifestIn,
  subjectOf,
  withSubject,
  type Attachment,
  type ImageIndex,
} from '#domain/image/image-index.ts';
import type { Descriptor, Manifest } from '#domain/image/manifest.ts';
import { documentOf, restated, type Document } from '#engine/images/attestations.ts';
import { keepDocuments } from '#engine/images/indexes.ts';
import { describeManifest } from '#engine/images/manifests.ts';
import type { Parts } from '#engine/images/parts.ts';
import { pushParts } from '#engine/images/pushing-parts.ts';
import { sendBlob, voice, type Push } from '#engine/images/sending.ts';

/** Whether all that an index names is here, by the manifests that it names. */
export function isWhole({ catalog }: Parts, { manifests, images, attachments }: ImageIndex): boolean {
  return manifests.every(({ digest }) => {
    if (attachments.some((each) => each.digest === digest)) return true;
    const id = images[digest];
    return id !== undefined && catalog.byId(id)?.manifestDigest === digest;
  });
}

/**
 * Sends an index that is here whole: what it names, each by its digest, then the index under the name. Where layers are
 * compressed on the way, their manifests have other digests in the registry: so has the index there, and attestations speak of
 * these. Gives what was sent. @throws as RegistryClient
 */
export async function pushIndex(parts: Parts, index: ImageIndex, run: Push): Promise<Descriptor> {
  const sent = new Map<string, Descriptor>();
  for (const descriptor of index.manifests) {
    const id = index.images[descriptor.digest];
    const image = id === undefined ? undefined : parts.catalog.byId(id);
    if (image === undefined || manifestIn(index, image) !== descriptor.digest) continue;
    const { mediaType, content } = await pushParts(parts, image, descriptor.digest, run);
    sent.set(descriptor.digest, await pushByDigest(parts, run, { ...descriptor, mediaType }, content));
  }
  for (const descriptor of index.manifests) {
    const attachment = index.attachments.find(({ digest }) => digest === descriptor.digest);
    if (attachment === undefined || sent.has(descriptor.digest)) continue;
    sent.set(descriptor.digest, await pushAttachment(parts, run, { descriptor, attachment }, sent));
  }
  const { mediaType, content } = await describeIndex(parts, index, sent);
  const digest = await parts.registry.pushManifest(run.reference, mediaType, content, run.auth, run.signal);
  return { mediaType, digest, size: content.length };
}

/** The very bytes that are here, unless something that they name is another in the registry. */
async function describeIndex(
  parts: Parts,
  { digest, manifests }: ImageIndex,
  sent: ReadonlyMap<string, Descriptor>,
): Promise<{ mediaType: string; content: Buffer }> {
  const { mediaType, content } = await describeManifest(parts, digest);
  if (manifests.every((each) => sent.get(each.digest)?.digest === each.digest)) return { mediaType, content };
  const index = parseIndex(content.toString('utf8'));
  const changed = { ...index, manifests: index.manifests.map((each) => sent.get(each.digest) ?? each) };
  return { mediaType, content: documentOf(mediaType, changed).content };
}

async function pushByDigest(
  parts: Parts,
  { reference: { registry, repository }, auth, signal }: Push,
  descriptor: Descriptor,
  content: Buffer,
): Promise<Descriptor> {
  const digest = `sha256:${fingerprint(content.toString('utf8'))}` as const;
  const { mediaType } = descriptor;
  await parts.registry.pushManifest({ registry, repository, digest }, mediaType, content, auth, signal);
  return { ...descriptor, digest, size: content.length };
}

async function pushAttachment(
  parts: Parts,
  run: Push,
  { descriptor, attachment }: { descriptor: Descriptor; attachment: Attachment },
  sent: ReadonlyMap<string, Descriptor>,
): Promise<Descriptor> {
  const subject = subjectOf(descriptor);
  const image = subject === undefined ? undefined : sent.get(subject);
  if (subject !== undefined && image !== undefined && image.digest !== subject) {
    const { blobs, manifest } = await restatedAttachment(parts, attachment, { from: subject, to: image });
    await keepDocuments(parts, run.lease, blobs);
    for (const blob of blobs) await sendBlob(parts, run, blob.descriptor, voice(run, undefined));
    return pushByDigest(parts, run, withSubject(descriptor, image.digest), manifest.content);
  }
  for (const blob of attachment.parts) await sendBlob(parts, run, blob, voice(run, undefined));
  const { content } = await describeManifest(parts, attachment.digest);
  return pushByDigest(parts, run, descriptor, content);
}

async function restatedAttachment(
  parts: Parts,
  { digest }: Attachment,
  subject: { from: string; to: Descriptor },
): Promise<{ blobs: Document[]; manifest: Document }> {
  const { content } = await describeManifest(parts, digest);
  const manifest: Manifest = parseManifest(content.toString('utf8'));
  const texts = new Map<string, string>();
  for (const blob of [manifest.config, ...manifest.layers])
    texts.set(blob.digest, (await parts.blobs.read(blob.digest, largestStatement)).toString('utf8'));
  return restated(manifest, texts, subject);
}

/** Bytes: a bill of materials may be long. */
const largestStatement = 64 * 1024 * 1024;
