import type { Readable } from 'node:stream';
import { BerthError } from '#base/errors.ts';
import { parseDigest, type Digest } from '#domain/image/digest.ts';
import { layerMediaType, compressionOf } from '#domain/image/compression.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import { parseReference, type Reference } from '#domain/image/reference.ts';
import type { Progress, PushOptions } from '#engine/contracts.ts';
import type { IngestLease } from '#engine/images/leases.ts';
import { measured } from '#engine/images/measured.ts';
import { packed } from '#engine/images/packing.ts';
import type { Parts } from '#engine/images/parts.ts';

/** Other repositories of a registry that are asked for a layer before it is sent. */
const mostSources = 3;

export interface Push extends Pick<PushOptions, 'auth' | 'onProgress' | 'signal' | 'compression'> {
  reference: Reference;
  lease: IngestLease;
}

/** What a layer that is stored uncompressed was pushed as: asked first, so that nothing is compressed in vain. */
export interface PackedLayer {
  digest: Digest;
  size: number;
}

type Say = (status: string, progressDetail?: { current?: number; total?: number }) => void;

/** A voice for one line of the progress; silent without an id. */
export function voice(push: Push, id: string | undefined): Say {
  return (status, progressDetail = {}) => {
    const line: Progress = { status, progressDetail };
    if (id !== undefined) push.onProgress({ ...line, id });
  };
}

/**
 * Has the registry have a layer, compressed unless the registry has the store in common with the engine: then a reference
 * is all that is made. Gives it as it is there.
 */
export async function sendLayer(parts: Parts, push: Push, layer: Descriptor, say: Say): Promise<Descriptor> {
  const { kind, level } = push.compression ?? parts.rules.compression;
  const isAsStored = kind === 'none' || parts.registry.sharesStore?.(push.reference.registry) === true;
  if (isAsStored || compressionOf(await parts.layers.start(layer.digest)) !== 'none') {
    await sendBlob(parts, push, layer, say);
    return layer;
  }
  const mediaType = layerMediaType(kind);
  const key = `${layer.digest} ${kind} ${level}`;
  const known = parts.packed.get(key);
  if (known !== undefined && (await isThere(parts, push, { mediaType, ...known }, say)))
    return { mediaType, ...known };
  const made = known && (await parts.blobs.stat(known.digest));
  const blob =
    made ?? (await parts.blobs.write(packed(await parts.blobs.open(layer.digest), { kind, level })));
  await push.lease.hold(blob.digest);
  parts.packed.put(key, blob);
  await sendBlob(parts, push, { mediaType, ...blob }, say);
  return { mediaType, ...blob };
}

export async function sendBlob(parts: Parts, push: Push, blob: Descriptor, say: Say): Promise<void> {
  if (await isThere(parts, push, blob, say)) return;
  const { reference, auth, signal } = push;
  const open = async (start: number, end?: number): Promise<Readable> => {
    // Nothing can be read of an empty range.
    const range = end === undefined ? { start } : { start, end: end - 1 };
    return measured(await parts.blobs.open(blob.digest, range), (bytes) =>
      say('Pushing', { current: start + bytes, total: blob.size }),
    );
  };
  await parts.registry.pushBlob(reference, blob, open, auth, signal);
  say('Pushed');
}

/** Whether the repository has a blob, or has got it from another one of its registry. */
async function isThere(parts: Parts, push: Push, { digest }: Descriptor, say: Say): Promise<boolean> {
  const { reference, auth, signal } = push;
  if (await parts.registry.hasBlob(reference, digest, auth, signal)) {
    say('Layer already exists');
    return true;
  }
  for (const source of sourcesOf(parts, reference, digest))
    if (await mounted(parts, push, digest, source)) {
      say(`Mounted from ${source}`);
      return true;
    }
  return false;
}

/** A registry that lets us not read there is sent the blob. */
async function mounted(parts: Parts, push: Push, digest: Digest, source: string): Promise<boolean> {
  try {
    return await parts.registry.mountBlob(push.reference, digest, source, push.auth, push.signal);
  } catch (error) {
    push.signal.throwIfAborted();
    if (error instanceof BerthError && error.code === 'registry-denied') return false;
    throw error;
  }
}

/** Repositories of the same registry in which images with this layer are known to be. */
function sourcesOf(parts: Parts, { registry, repository }: Reference, digest: Digest): string[] {
  const originals = parts.packed
    .entries()
    .flatMap(([key, layer]) => (layer.digest === digest ? [key.slice(0, key.indexOf(' '))] : []));
  const wanted = new Set<string>([digest, ...originals]);
  const sources = new Set<string>();
  for (const image of parts.catalog.all())
    if (image.layers.some((layer) => wanted.has(layer.digest)))
      for (const name of parts.catalog.repoDigestsOf(image)) {
        const found = parseReference(name);
        if (found.registry === registry && found.repository !== repository) sources.add(found.repository);
      }
  return [...sources].slice(0, mostSources);
}

/** Forgets what layers were pushed as that are gone. */
export async function forgetPacked({ packed: known, blobs }: Parts): Promise<void> {
  for (const [key] of known.entries())
    if ((await blobs.stat(parseDigest(key.slice(0, key.indexOf(' '))))) === undefined) known.delete(key);
}
