import { internal } from '#base/errors.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import {
  blobsOfIndex,
  imageFor,
  type Attachment,
  type ImageIndex,
  type NewIndex,
} from '#domain/image/image-index.ts';
import { mediaTypes, type Descriptor, type Index } from '#domain/image/manifest.ts';
import { familiarName, formatReference, parseReference } from '#domain/image/reference.ts';
import type { Annotated, IndexEntry, Lease, NewIndexNames } from '#engine/contracts.ts';
import { annotatedManifest, manifestAlone, noted } from '#engine/images/annotating.ts';
import { attestationManifest, documentOf, type Document } from '#engine/images/attestations.ts';
import { describeImage } from '#engine/images/manifests.ts';
import { partsOf } from '#engine/images/collector.ts';
import type { Parts } from '#engine/images/parts.ts';

/**
 * Makes one index of images of this store, with what is attested of each behind them all (OCI image specification,
 * image-index.md; BuildKit, docs/attestations/attestation-storage.md), and has names stand for it.
 * @param names.names none: the image that carries it keeps it @throws not-found `image-missing`
 */
export async function storeIndex(
  parts: Parts,
  { names, subjects, annotations, ...asked }: NewIndexNames,
  entries: readonly IndexEntry[],
  lease: Lease,
): Promise<ImageIndex> {
  const images: Descriptor[] = [];
  const attestations: Descriptor[] = [];
  const documents: Document[] = [];
  await using used = parts.leases.open();
  const index: Pick<NewIndex, 'images' | 'attachments'> = { images: {}, attachments: [] };
  for (const { id, predicates = [], ...entry } of entries) {
    const image = parts.catalog.get(id);
    await used.hold(...partsOf(image).blobs);
    const own = entry.annotations && (await annotatedManifest(parts, image, entry.annotations));
    const described = {
      ...(own?.document.descriptor ?? (await describeImage(parts, image))),
      ...noted(entry),
    };
    if (own !== undefined) {
      documents.push(own.document);
      index.attachments.push(own.attachment);
    }
    images.push(described);
    index.images[described.digest] = image.id;
    if (predicates.length === 0) continue;
    const { blobs, manifest } = attestationManifest(subjects, described, predicates);
    documents.push(...blobs, manifest);
    attestations.push(manifest.descriptor);
    index.attachments.push(attachmentOf(manifest, blobs));
  }
  const manifests = [...images, ...attestations];
  const content: Index = {
    ...{ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests },
    ...(annotations !== undefined && { annotations: { ...annotations } }),
  };
  const document = documentOf(mediaTypes.ociIndex, content);
  await keepDocuments(parts, lease, [...documents, document]);
  return recordNamed(parts, { ...document.descriptor, ...noted(asked), ...index, manifests }, names);
}

/**
 * Makes a manifest of an image with annotations, or with the image's own where these are on its descriptor only, and has names
 * stand for it. @throws not-found `image-missing`
 */
export async function storeAnnotated(
  parts: Parts,
  names: readonly string[],
  { id, annotations = {}, ...asked }: Annotated & { id: string },
  lease: Lease,
): Promise<ImageIndex> {
  const image = parts.catalog.get(id);
  await using used = parts.leases.open();
  await used.hold(...partsOf(image).blobs);
  const made = await annotatedManifest(parts, image, annotations);
  await keepDocuments(parts, lease, [made.document]);
  return recordNamed(parts, { ...manifestAlone(image, made), ...noted(asked) }, names);
}

/** Has names stand for the annotations, too, that an image came with although it is here by another manifest. */
export async function recordAnnotated(
  parts: Parts,
  image: Image,
  { digest, annotations }: { digest: Digest; annotations: Annotated['annotations'] },
  names: { tags?: string[]; repoDigests?: string[] },
  lease: Lease,
): Promise<void> {
  if (annotations === undefined || digest === image.manifestDigest) return;
  const made = await annotatedManifest(parts, image, annotations);
  await keepDocuments(parts, lease, [made.document]);
  recordIndex(parts, manifestAlone(image, made), names);
}

/** As `recordIndex`, and tells of the names as `tag` does. */
function recordNamed(parts: Parts, index: NewIndex, names: readonly string[]): ImageIndex {
  const tags = names.map((name) => formatReference(parseReference(name)));
  const recorded = recordIndex(parts, index, { tags });
  for (const tag of tags)
    parts.events.emit('image', 'tag', parts.catalog.get(tag).id, { name: familiarName(tag) });
  return recorded;
}

/** Has names stand for an index of which at least one image is here. */
export function recordIndex(
  parts: Parts,
  index: NewIndex,
  { tags = [], repoDigests = [] }: { tags?: string[]; repoDigests?: string[] },
): ImageIndex {
  const { digest } = index;
  const before = parts.catalog.indexes.byDigest(digest);
  const joined = { ...index, images: { ...before?.images, ...index.images } };
  const images = parts.catalog.imagesOf(joined);
  const holder = imageFor(joined, images, parts.platform) ?? images[0];
  if (holder === undefined)
    throw internal('index-empty', `recording the index ${digest}: no image of it is here`);
  parts.catalog.record({ ...holder, tags, repoDigests }, index);
  return parts.catalog.indexes.byDigest(digest) ?? { ...joined, names: [] };
}

function attachmentOf({ descriptor: { digest } }: Document, blobs: readonly Document[]): Attachment {
  return { digest, parts: blobs.map(({ descriptor }) => descriptor) };
}

/** Several at a time: each write waits for the disk. */
export async function keepDocuments(
  { blobs }: Pick<Parts, 'blobs'>,
  lease: Lease,
  documents: readonly Document[],
): Promise<void> {
  await lease.hold(...documents.map(({ descriptor }) => descriptor.digest));
  await Promise.all(documents.map(({ content }) => blobs.write([content])));
}

/** The digests of everything that a name's index has here. */
export function blobsHere(parts: Parts, index: ImageIndex): Digest[] {
  const images = parts.catalog.imagesOf(index).flatMap((image) => partsOf(image).blobs);
  return [...new Set([...blobsOfIndex(index), ...images])];
}
