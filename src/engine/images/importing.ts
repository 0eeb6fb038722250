import type { Readable } from 'node:stream';
import { invalid } from '#base/errors.ts';
import { applyChanges } from '#domain/build/changes.ts';
import { layerMediaType } from '#domain/image/compression.ts';
import type { Image } from '#domain/image/image.ts';
import type { ImageConfig } from '#domain/image/manifest.ts';
import { parsePlatform } from '#domain/image/platform.ts';
import { familiarName, newName } from '#domain/image/reference.ts';
import type { Images, Progress } from '#engine/contracts.ts';
import { decompressedAny } from '#engine/images/compression.ts';
import { ingest } from '#engine/images/ingest.ts';
import type { Parts } from '#engine/images/parts.ts';
import { measured } from '#engine/images/measured.ts';
import { storeImage } from '#engine/images/recording.ts';
import { UnpackingAhead } from '#engine/images/unpacking-ahead.ts';

export interface ImportSource {
  onProgress: (progress: Progress) => void;
  signal: AbortSignal;
}

export type ImportOptions = Parameters<Images['importRoot']>[1];

/** `docker import`. Everything that can be wrong with the options is found before the archive is read. */
export async function importRoot(parts: Parts, tar: Readable, options: ImportOptions): Promise<Image> {
  const tags = options.reference === undefined ? [] : [newName(options.reference)];
  const platform =
    options.platform === undefined ? parts.platform : parsePlatform(options.platform, parts.platform);
  const config = applyChanges({}, options.changes);
  return await ingest(parts, { openEnded: true }, async (lease) => {
    await using ahead = new UnpackingAhead(parts);
    // Stored uncompressed, the layer's digest is its diff id.
    const { digest, size } = await ahead.store(await decompressedAny(tar, parts.decompressor));
    await lease.hold(digest);
    const layer = { mediaType: layerMediaType('none'), digest, size };
    const place = { layer, diffId: digest, chainId: digest, parent: '' as const };
    const unpacked = await ahead.unpack(place);
    const created = parts.clock.timestamp();
    const document: ImageConfig = {
      created,
      ...platform,
      config,
      rootfs: { type: 'layers', diff_ids: [digest] },
      history: [{ created, comment: options.message }],
    };
    const image = await storeImage(parts, { config: document, layers: [layer], tags, size: unpacked }, lease);
    for (const tag of tags) parts.events.emit('image', 'tag', image.id, { name: familiarName(tag) });
    parts.events.emit('image', 'import', image.id, { name: image.id });
    return image;
  });
}

/**
 * `docker import URL`. Without a scheme it is http, as with Docker.
 * @throws invalid `import-url-invalid`; as Downloads.open
 */
export async function importUrl(
  parts: Parts,
  source: string,
  options: ImportOptions,
  { onProgress, signal }: ImportSource,
): Promise<Image> {
  const url = urlOf(source);
  const { content, size = 0 } = await parts.downloads.open(url, signal);
  onProgress({ status: `Downloading from ${url.href}` });
  const tar = measured(content, (current) =>
    onProgress({ status: 'Importing', progressDetail: { current, total: size } }),
  );
  try {
    return await importRoot(parts, tar, options);
  } finally {
    content.destroy();
  }
}

function urlOf(source: string): URL {
  try {
    const url = new URL(/^[a-z]+:\/\//i.test(source) ? source : `http://${source}`);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  } catch {
    // Told below, with what was found.
  }
  throw invalid('import-url-invalid', `importing from '${source}': it is not an http or https URL`);
}
