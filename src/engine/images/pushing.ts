import { invalid, notFound } from '#base/errors.ts';
import { shortId } from '#base/ids.ts';
import type { Image } from '#domain/image/image.ts';
import { mediaTypes, type Descriptor, type Manifest } from '#domain/image/manifest.ts';
import { familiarName, formatReference, parseReference, type Reference } from '#domain/image/reference.ts';
import type { PullOptions } from '#engine/contracts.ts';
import { partsOf } from '#engine/images/collector.ts';
import { ingest } from '#engine/images/ingest.ts';
import type { Parts } from '#engine/images/parts.ts';
import { describeManifest } from '#engine/images/saving.ts';
import { sendBlob, sendLayer, voice, type Push } from '#engine/images/sending.ts';

type PushOptions = Omit<PullOptions, 'platform'>;

/** `docker push` of one tag. @throws not-found `image-missing`; as RegistryClient */
export async function pushImage(parts: Parts, name: string, options: PushOptions): Promise<void> {
  const reference = parseReference(name);
  if (reference.digest !== undefined) throw invalid('push-of-digest', 'cannot push a digest reference');
  const image = parts.catalog.byTag(formatReference(reference));
  if (image === undefined) throw missing(reference);
  options.onProgress({ status: `The push refers to repository [${repositoryOf(reference)}]` });
  await pushTag(parts, image, reference, options);
}

/** `docker push --all-tags`. @throws as `pushImage` */
export async function pushAllTags(parts: Parts, name: string, options: PushOptions): Promise<void> {
  const reference = parseReference(name);
  const repository = repositoryOf(reference);
  const tags = parts.catalog
    .all()
    .flatMap((image) => image.tags.map((full) => ({ image, reference: parseReference(full) })))
    .filter((tag) => repositoryOf(tag.reference) === repository)
    .sort((one, other) => ((one.reference.tag ?? '') < (other.reference.tag ?? '') ? -1 : 1));
  if (tags.length === 0) throw missing(reference);
  options.onProgress({ status: `The push refers to repository [${repository}]` });
  for (const tag of tags) await pushTag(parts, tag.image, tag.reference, options);
}

function repositoryOf({ registry, repository }: Reference): string {
  return formatReference({ registry, repository });
}

function missing(reference: Reference): Error {
  return notFound(
    'image-missing',
    `An image does not exist locally with the tag: ${familiarName(repositoryOf(reference))}`,
  );
}

async function pushTag(
  parts: Parts,
  image: Image,
  reference: Reference,
  options: PushOptions,
): Promise<void> {
  await ingest(parts, { openEnded: true }, async (lease) => {
    await lease.hold(...partsOf(image).blobs);
    await push(parts, image, { ...options, reference, lease });
  });
  parts.events.emit('image', 'push', familiarName(formatReference(reference)), {
    name: familiarName(repositoryOf(reference)),
  });
}

/** Has the registry have all of an image but its manifest, which it gives. @throws as RegistryClient */
export async function pushParts(
  parts: Parts,
  image: Image,
  run: Push,
): Promise<{ mediaType: string; content: Buffer }> {
  const layers = await pushLayers(parts, image, run);
  const stored = await describeManifest(parts, image.manifestDigest);
  const asStored = layers.every((layer, i) => layer.digest === image.layers[i]?.digest);
  await sendBlob(parts, run, await configOf(parts, image), voice(run, undefined));
  return asStored ? stored : compressedManifest(parts, image, layers);
}

async function push(parts: Parts, image: Image, run: Push): Promise<void> {
  const { mediaType, content } = await pushParts(parts, image, run);
  const digest = await parts.registry.pushManifest(run.reference, mediaType, content, run.auth, run.signal);
  const { tag = '' } = run.reference;
  run.onProgress({ status: `${tag}: digest: ${digest} size: ${content.length}` });
  run.onProgress({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: content.length } });
  const current = parts.catalog.byId(image.id);
  if (current !== undefined)
    parts.catalog.record({
      ...current,
      tags: [],
      repoDigests: [`${repositoryOf(run.reference)}@${digest}`],
    });
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

/** Several at a time; a layer that an image has twice is sent once. */
async function pushLayers(parts: Parts, image: Image, run: Push): Promise<Descriptor[]> {
  const shown = image.config.rootfs.diff_ids.map(shortId);
  for (const id of shown) run.onProgress({ status: 'Preparing', progressDetail: {}, id });
  const pushed: Descriptor[] = [];
  const sent = new Map<string, Promise<Descriptor>>();
  const stop = new AbortController();
  const inner = { ...run, signal: AbortSignal.any([run.signal, stop.signal]) };
  const pending = [...image.layers.entries()];
  const worker = async (): Promise<void> => {
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      const [i, layer] = next;
      const sending = sent.get(layer.digest) ?? sendLayer(parts, inner, layer, voice(inner, shown[i]));
      sent.set(layer.digest, sending);
      pushed[i] = await sending;
    }
  };
  const stopped = (error: unknown): never => {
    pending.length = 0;
    stop.abort(error);
    throw error;
  };
  const workers = Array.from({ length: parts.rules.uploads }, () => worker().catch(stopped));
  await Promise.allSettled(workers);
  await Promise.all(workers);
  return pushed;
}
