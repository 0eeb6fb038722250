import { Readable } from 'node:stream';
import { fingerprint } from '#base/ids.ts';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';
import type { Image } from '#domain/image/image.ts';
import { mediaTypes, type Descriptor, type Index, type Platform } from '#domain/image/manifest.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { PullOptions } from '#engine/contracts.ts';
import { partsOf } from '#engine/images/collector.ts';
import { ingest } from '#engine/images/ingest.ts';
import type { Parts } from '#engine/images/parts.ts';
import { pushParts } from '#engine/images/pushing.ts';
import { annotationsOf, blobMember, describeManifest, member } from '#engine/images/saving.ts';

/**
 * Images for several platforms under one name of a registry: each by its digest, then the index that names them (OCI
 * image specification, image-index.md). @throws not-found `image-missing`; as RegistryClient
 */
export async function pushIndex(
  parts: Parts,
  name: string,
  ids: readonly string[],
  options: Omit<PullOptions, 'platform'>,
): Promise<void> {
  const reference = parseReference(name);
  const images = ids.map((id) => parts.catalog.get(id));
  await ingest(parts, { openEnded: true }, async (lease) => {
    await lease.hold(...images.flatMap((image) => partsOf(image).blobs));
    const { auth, signal } = options;
    const manifests: Descriptor[] = [];
    for (const image of images) {
      const { mediaType, content } = await pushParts(parts, image, { ...options, reference, lease });
      const described = descriptorOf(image, mediaType, content);
      const { registry, repository } = reference;
      const byDigest = { registry, repository, digest: described.digest };
      await parts.registry.pushManifest(byDigest, mediaType, content, auth, signal);
      manifests.push(described);
    }
    const content = Buffer.from(JSON.stringify(indexOf(manifests)));
    await parts.registry.pushManifest(reference, mediaTypes.ociIndex, content, auth, signal);
  });
}

/** Images for several platforms as one archive of an OCI layout, which names their index. @throws not-found `image-missing` */
export function saveIndex(parts: Parts, names: readonly string[], ids: readonly string[]): Readable {
  const images = ids.map((id) => parts.catalog.get(id));
  const lease = parts.leases.open();
  async function* archive(): AsyncGenerator<Uint8Array> {
    try {
      const digests = new Set(images.flatMap((image) => partsOf(image).blobs));
      await lease.hold(...digests);
      yield encodeHeader(tarEntry('blobs/', 'directory'));
      yield encodeHeader(tarEntry('blobs/sha256/', 'directory'));
      for (const digest of [...digests].sort()) yield* blobMember(parts, digest);
      const text = JSON.stringify(indexOf(await manifestsOf(parts, images)));
      const hex = fingerprint(text);
      yield* member(`blobs/sha256/${hex}`, text);
      const index: Descriptor = {
        mediaType: mediaTypes.ociIndex,
        digest: `sha256:${hex}`,
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

async function manifestsOf(parts: Parts, images: readonly Image[]): Promise<Descriptor[]> {
  return Promise.all(
    images.map(async (image) => {
      const { mediaType, content } = await describeManifest(parts, image.manifestDigest);
      return descriptorOf(image, mediaType, content);
    }),
  );
}

function descriptorOf({ config }: Image, mediaType: string, content: Buffer): Descriptor {
  const { os, architecture, variant } = config;
  const platform: Platform = { architecture, os, ...(variant !== undefined && { variant }) };
  const digest = `sha256:${fingerprint(content.toString('utf8'))}` as const;
  return { mediaType, digest, size: content.length, platform };
}
