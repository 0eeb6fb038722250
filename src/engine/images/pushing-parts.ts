import { shortId } from '#base/ids.ts';
import type { Digest } from '#domain/image/digest.ts';
import { parseManifest } from '#domain/image/documents.ts';
import type { Image } from '#domain/image/image.ts';
import { mediaTypes, type Descriptor, type Manifest } from '#domain/image/manifest.ts';
import { describeManifest } from '#engine/images/manifests.ts';
import type { Parts } from '#engine/images/parts.ts';
import { sendBlob, sendLayer, voice, type Push } from '#engine/images/sending.ts';

/**
 * Has the registry have all of an image but its manifest, which it gives. @param manifest the image's own, or one of these
 * layers with annotations @throws as RegistryClient
 */
export async function pushParts(
  parts: Parts,
  image: Image,
  manifest: Digest,
  run: Push,
): Promise<{ mediaType: string; content: Buffer }> {
  const layers = await pushLayers(parts, image, run);
  const stored = await describeManifest(parts, manifest);
  const asStored = layers.every((layer, i) => layer.digest === image.layers[i]?.digest);
  await sendBlob(parts, run, await configOf(parts, image), voice(run, undefined));
  return asStored ? stored : compressedManifest(parts, image, layers, stored.content);
}

async function configOf(parts: Parts, image: Image): Promise<Descriptor> {
  const size = (await parts.blobs.stat(image.id))?.size ?? 0;
  return { mediaType: mediaTypes.ociConfig, digest: image.id, size };
}

async function compressedManifest(
  parts: Parts,
  image: Image,
  layers: Descriptor[],
  stored: Buffer,
): Promise<{ mediaType: string; content: Buffer }> {
  const { annotations } = parseManifest(stored.toString('utf8'));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: await configOf(parts, image),
    layers,
    ...(annotations !== undefined && { annotations }),
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
