import { Readable } from 'node:stream';
import { fingerprint } from '#base/ids.ts';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';
import type { Image } from '#domain/image/image.ts';
import { mediaTypes, type Descriptor, type Index, type Platform } from '#domain/image/manifest.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { IndexEntry, PullOptions } from '#engine/contracts.ts';
import { attestationManifest, type Document } from '#engine/images/attestations.ts';
import { partsOf } from '#engine/images/collector.ts';
import { ingest } from '#engine/images/ingest.ts';
import type { Parts } from '#engine/images/parts.ts';
import { pushParts } from '#engine/images/pushing.ts';
import { sendBlob, voice, type Push } from '#engine/images/sending.ts';
import { annotationsOf, blobMember, describeManifest, member, pathOf } from '#engine/images/saving.ts';

/**
 * Images under one name of a registry: each by its digest, with what is attested of it, then the index that names them (OCI
 * image specification, image-index.md). @throws not-found `image-missing`; as RegistryClient
 */
export async function pushIndex(
  parts: Parts,
  name: string,
  entries: readonly IndexEntry[],
  options: Omit<PullOptions, 'platform'>,
): Promise<void> {
  const reference = parseReference(name);
  const images = entries.map(({ id }) => parts.catalog.get(id));
  await ingest(parts, { openEnded: true }, async (lease) => {
    await lease.hold(...images.flatMap((image) => partsOf(image).blobs));
    const { auth, signal } = options;
    const manifests: Descriptor[] = [];
    const run: Push = { ...options, reference, lease };
    for (const [place, image] of images.entries()) {
      const { mediaType, content } = await pushParts(parts, image, run);
      const described = descriptorOf(image, mediaType, content);
      const { registry, repository } = reference;
      const byDigest = { registry, repository, digest: described.digest };
      await parts.registry.pushManifest(byDigest, mediaType, content, auth, signal);
      manifests.push(described);
      const { predicates = [] } = entries[place] ?? {};
      if (predicates.length === 0) continue;
      const attestation = attestationManifest([name], described, predicates);
      for (const blob of attestation.blobs) await pushDocument(parts, run, blob);
      const { descriptor } = attestation.manifest;
      const apart = { registry, repository, digest: descriptor.digest };
      const text = attestation.manifest.content;
      await parts.registry.pushManifest(apart, descriptor.mediaType, text, auth, signal);
      manifests.push(descriptor);
    }
    const content = Buffer.from(JSON.stringify(indexOf(manifests)));
    await parts.registry.pushManifest(reference, mediaTypes.ociIndex, content, auth, signal);
  });
}

async function pushDocument(parts: Parts, run: Push, { descriptor, content }: Document): Promise<void> {
  const { digest } = await parts.blobs.write([content]);
  await run.lease.hold(digest);
  await sendBlob(parts, run, descriptor, voice(run, undefined));
}

/** As `pushIndex`, as one archive of an OCI layout, which names the index. @throws not-found `image-missing` */
export function saveIndex(parts: Parts, names: readonly string[], entries: readonly IndexEntry[]): Readable {
  const images = entries.map(({ id }) => parts.catalog.get(id));
  const lease = parts.leases.open();
  async function* archive(): AsyncGenerator<Uint8Array> {
    try {
      const digests = new Set(images.flatMap((image) => partsOf(image).blobs));
      await lease.hold(...digests);
      yield encodeHeader(tarEntry('blobs/', 'directory'));
      yield encodeHeader(tarEntry('blobs/sha256/', 'directory'));
      for (const digest of [...digests].sort()) yield* blobMember(parts, digest);
      const { manifests, documents } = await contentOf(parts, names, entries);
      for (const { descriptor, content } of documents)
        if (!digests.has(descriptor.digest)) {
          digests.add(descriptor.digest);
          yield* member(pathOf(descriptor.digest), content);
        }
      const text = JSON.stringify(indexOf(manifests));
      const digest = `sha256:${fingerprint(text)}` as const;
      yield* member(pathOf(digest), text);
      const index: Descriptor = {
        mediaType: mediaTypes.ociIndex,
        digest,
        size: Buffer.byteLength(text),
      };
      const named = names.map((name) => ({
        ...index,
        annotations: annotationsOf(formatReference(parseReference(name))),
      }));
      yield* member('index.json', JSON.stringify(indexOf(named.length === 0 ? [index] : named)));
      yield* member('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
      yield tarEnd;
    } finally {
      await lease.close();
    }
  }
  return Readable.from(archive(), { objectMode: false });
}

function indexOf(manifests: Descriptor[]): Index {
  return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
}

/** The entries of an index, and what of them is not in the store. */
async function contentOf(
  parts: Parts,
  names: readonly string[],
  entries: readonly IndexEntry[],
): Promise<{ manifests: Descriptor[]; documents: Document[] }> {
  const manifests: Descriptor[] = [];
  const documents: Document[] = [];
  for (const { id, predicates = [] } of entries) {
    const image = parts.catalog.get(id);
    const { mediaType, content } = await describeManifest(parts, image.manifestDigest);
    const described = descriptorOf(image, mediaType, content);
    manifests.push(described);
    if (predicates.length === 0) continue;
    const { blobs, manifest } = attestationManifest(names, described, predicates);
    manifests.push(manifest.descriptor);
    documents.push(...blobs, manifest);
  }
  return { manifests, documents };
}

function descriptorOf({ config }: Image, mediaType: string, content: Buffer): Descriptor {
  const { os, architecture, variant } = config;
  const platform: Platform = { architecture, os, ...(variant !== undefined && { variant }) };
  const digest = `sha256:${fingerprint(content.toString('utf8'))}` as const;
  return { mediaType, digest, size: content.length, platform };
}
