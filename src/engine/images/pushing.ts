import { pipeline, type Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { notFound } from '#base/errors.ts';
import { shortId } from '#base/ids.ts';
import { compressionOf, layerMediaType } from '#domain/image/compression.ts';
import type { Image } from '#domain/image/image.ts';
import { mediaTypes, type Descriptor, type Manifest } from '#domain/image/manifest.ts';
import { familiarName, formatReference, parseReference, type Reference } from '#domain/image/reference.ts';
import type { PullOptions } from '#engine/contracts.ts';
import { partsOf } from '#engine/images/collector.ts';
import { ingest } from '#engine/images/ingest.ts';
import type { IngestLease } from '#engine/images/leases.ts';
import type { Parts } from '#engine/images/parts.ts';
import { measured } from '#engine/images/measured.ts';
import { describeManifest } from '#engine/images/saving.ts';

const parallel = 3;

interface Push extends Omit<PullOptions, 'platform'> {
  reference: Reference;
  lease: IngestLease;
}

/** `docker push` of one tag. @throws not-found `image-missing`; as RegistryClient */
export async function pushImage(
  parts: Parts,
  name: string,
  options: Omit<PullOptions, 'platform'>,
): Promise<void> {
  const reference = parseReference(name);
  const full = formatReference(reference);
  const image = parts.catalog.byTag(full);
  if (image === undefined)
    throw notFound(
      'image-missing',
      `An image does not exist locally with the tag: ${familiarName(full.slice(0, full.lastIndexOf(':')))}`,
    );
  const repository = formatReference({ registry: reference.registry, repository: reference.repository });
  options.onProgress({ status: `The push refers to repository [${repository}]` });
  await ingest(parts, { openEnded: true }, async (lease) => {
    await lease.hold(...partsOf(image).blobs);
    await push(parts, image, { ...options, reference, lease }, repository);
  });
  parts.events.emit('image', 'push', familiarName(full), { name: familiarName(repository) });
}

async function push(parts: Parts, image: Image, run: Push, repository: string): Promise<void> {
  const layers = await pushLayers(parts, image, run);
  const stored = await describeManifest(parts, image.manifestDigest);
  const asStored = layers.every((layer, i) => layer.digest === image.layers[i]?.digest);
  const { mediaType, content } = asStored ? stored : await compressedManifest(parts, image, layers);
  await pushBlob(parts, run, await configOf(parts, image), undefined);
  const digest = await parts.registry.pushManifest(run.reference, mediaType, content, run.auth, run.signal);
  const { tag = '' } = run.reference;
  run.onProgress({ status: `${tag}: digest: ${digest} size: ${content.length}` });
  run.onProgress({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: content.length } });
  const current = parts.catalog.byId(image.id);
  if (current !== undefined)
    parts.catalog.record({ ...current, tags: [], repoDigests: [`${repository}@${digest}`] });
}

async function configOf(parts: Parts, image: Image): Promise<Descriptor> {
  const size = (await parts.blobs.stat(image.id))?.size ?? 0;
  return { mediaType: mediaTypes.ociConfig, digest: image.id, size };
}

async function compressedManifest(
  parts: Parts,
  image: Image,
  layers: Descriptor[],
): Promise<{ mediaType: string; content: Buffer }> {
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: await configOf(parts, image),
    layers,
  };
  return { mediaType: mediaTypes.ociManifest, content: Buffer.from(JSON.stringify(manifest)) };
}

async function pushLayers(parts: Parts, image: Image, run: Push): Promise<Descriptor[]> {
  const shown = image.config.rootfs.diff_ids.map(shortId);
  for (const id of shown) run.onProgress({ status: 'Preparing', progressDetail: {}, id });
  const pushed: Descriptor[] = [];
  const pending = [...image.layers.entries()];
  const worker = async (): Promise<void> => {
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      const [i, layer] = next;
      const compressed = await compress(parts, run, layer);
      await pushBlob(parts, run, compressed, shown[i]);
      pushed[i] = compressed;
    }
  };
  const stopped = (error: unknown): never => {
    pending.length = 0;
    throw error;
  };
  const results = await Promise.allSettled(Array.from({ length: parallel }, () => worker().catch(stopped)));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return pushed;
}

/**
 * A layer that is stored uncompressed is compressed for the wire. The same bytes come out each time, so a
 * registry that has them already is not sent them again.
 */
async function compress(parts: Parts, run: Push, layer: Descriptor): Promise<Descriptor> {
  if (compressionOf(await parts.layers.start(layer.digest)) !== 'none') return layer;
  const gzip = createGzip({ level: 6, chunkSize: 256 * 1024 });
  // An error of either is an error of the result, which frees both.
  const packed = pipeline(await parts.blobs.open(layer.digest), gzip, () => undefined);
  const { digest, size } = await parts.blobs.write(packed);
  await run.lease.hold(digest);
  return { mediaType: layerMediaType('gzip'), digest, size };
}

async function pushBlob(parts: Parts, run: Push, blob: Descriptor, id: string | undefined): Promise<void> {
  const say = (status: string, progressDetail: { current?: number; total?: number } = {}): void => {
    if (id !== undefined) run.onProgress({ status, progressDetail, id });
  };
  if (await parts.registry.hasBlob(run.reference, blob.digest, run.auth, run.signal)) {
    say('Layer already exists');
    return;
  }
  const open = async (): Promise<Readable> =>
    measured(await parts.blobs.open(blob.digest), (current) => say('Pushing', { current, total: blob.size }));
  await parts.registry.pushBlob(run.reference, blob, open, run.auth, run.signal);
  say('Pushed');
}
