import { createHash } from 'node:crypto';
import { internal } from '#base/errors.ts';
import { chainIdOf, chainIds } from '#domain/image/chain.ts';
import { parseDigest, type Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import { mediaTypes, type Descriptor, type ImageConfig, type Manifest } from '#domain/image/manifest.ts';
import { together } from '#engine/containers/undo.ts';
import type { NewImage } from '#engine/contracts.ts';
import type { Parts } from '#engine/images/parts.ts';
import type { Lease } from '#engine/contracts.ts';
import type { BlobInfo } from '#ports/blob-store.ts';

/** A document as it is stored: compact JSON, in the order of its keys. */
function encoded(document: object): Buffer {
  return Buffer.from(JSON.stringify(document));
}

function infoOf(content: Buffer): BlobInfo {
  const digest = parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
  return { digest, size: content.length };
}

/** Writes an OCI manifest for a config and layers that are in the store. */
export async function writeManifest(
  parts: Parts,
  config: { digest: Digest; size: number },
  layers: Descriptor[],
): Promise<Digest> {
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: config.digest, size: config.size },
    layers,
  };
  return (await parts.blobs.write([encoded(manifest)])).digest;
}

export interface Found {
  id: Digest;
  manifestDigest: Digest;
  config: ImageConfig;
  layers: Descriptor[];
  size: number;
}

/** An image document of what is in the store. */
export function imageOf(
  parts: Parts,
  found: Found,
  names: { tags?: string[]; repoDigests?: string[]; parent?: Digest } = {},
): Image {
  const image: Image = {
    ...found,
    chainId: chainIdOf(found.config.rootfs.diff_ids),
    tags: names.tags ?? [],
    repoDigests: names.repoDigests ?? [],
    stored: parts.clock.timestamp(),
  };
  if (names.parent !== undefined) image.parent = names.parent;
  return image;
}

/** Writes config and manifest, records the image and moves its tags to it. The layers are held already. */
export async function storeImage(parts: Parts, image: NewImage, lease: Lease): Promise<Image> {
  await lease.hold(...image.layers.map((layer) => layer.digest), ...chainIds(image.config.rootfs.diff_ids));
  await checkPresent(parts, image);
  const content = encoded(image.config);
  const config = infoOf(content);
  // Each waits for the disk.
  const [manifestDigest] = await together(
    writeManifest(parts, config, image.layers),
    parts.blobs.write([content], config),
  );
  await lease.hold(config.digest, manifestDigest);
  const names: { tags: string[]; parent?: Digest } = { tags: image.tags };
  if (image.parent !== undefined) names.parent = image.parent;
  const { layers, size } = image;
  const found = { id: config.digest, manifestDigest, config: image.config, layers, size };
  return parts.catalog.record(imageOf(parts, found, names));
}

/** From here on nothing can be collected; what was, before it was held, must not become an image. */
async function checkPresent(parts: Parts, { layers, config }: NewImage): Promise<void> {
  for (const { digest } of layers)
    if ((await parts.blobs.stat(digest)) === undefined)
      throw internal('image-part-missing', `storing an image: its layer ${digest} is not in the store`);
  for (const chainId of chainIds(config.rootfs.diff_ids))
    if (!(await parts.snapshots.isCommitted(chainId)))
      throw internal('image-part-missing', `storing an image: its snapshot ${chainId} is not there`);
}
