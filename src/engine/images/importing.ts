import type { Readable } from 'node:stream';
import { applyChanges } from '#domain/image/import-changes.ts';
import { layerMediaType } from '#domain/image/compression.ts';
import type { Image } from '#domain/image/image.ts';
import type { ImageConfig } from '#domain/image/manifest.ts';
import { parsePlatform } from '#domain/image/platform.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { Images } from '#engine/contracts.ts';
import { decompressedAny } from '#engine/images/compression.ts';
import { ingest } from '#engine/images/ingest.ts';
import type { Parts } from '#engine/images/parts.ts';
import { storeImage } from '#engine/images/recording.ts';

export type ImportOptions = Parameters<Images['importRoot']>[1];

/** `docker import`. Everything that can be wrong with the options is found before the archive is read. */
export async function importRoot(parts: Parts, tar: Readable, options: ImportOptions): Promise<Image> {
  const tags = options.reference === undefined ? [] : [formatReference(parseReference(options.reference))];
  const platform =
    options.platform === undefined ? parts.platform : parsePlatform(options.platform, parts.platform);
  const config = applyChanges({}, options.changes);
  return await ingest(parts, { openEnded: true }, async (lease) => {
    // Stored uncompressed, the layer's digest is its diff id.
    const { digest, size } = await parts.blobs.write(await decompressedAny(tar));
    await lease.hold(digest);
    const layer = { mediaType: layerMediaType('none'), digest, size };
    const place = { layer, diffId: digest, chainId: digest, parent: '' as const };
    const unpacked = await parts.layers.unpack(place);
    const created = parts.clock.timestamp();
    const document: ImageConfig = {
      created,
      ...platform,
      config,
      rootfs: { type: 'layers', diff_ids: [digest] },
      history: [{ created, comment: options.message }],
    };
    const image = await storeImage(parts, { config: document, layers: [layer], tags, size: unpacked }, lease);
    parts.events.emit('image', 'import', image.id, { name: image.id });
    return image;
  });
}
