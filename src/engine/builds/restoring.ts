import { chainIds } from '#domain/image/chain.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import type { BuildRun } from '#engine/builds/build-run.ts';
import type { ImportedImage } from '#engine/builds/cache-import.ts';
import { BerthError } from '#base/errors.ts';

/**
 * The image of a step out of an imported cache, of which only the layers above `parent` are fetched. Undefined where the
 * cache has it not, or not whole.
 */
export async function restored(
  run: BuildRun,
  key: string,
  parent: Image | undefined,
): Promise<Image | undefined> {
  const found = run.imported.find(key);
  if (found === undefined) return undefined;
  try {
    return await restore(run, found, parent);
  } catch (error) {
    run.signal.throwIfAborted();
    if (!(error instanceof BerthError)) throw error;
    await found.complain(error);
    return undefined;
  }
}

async function restore(
  run: BuildRun,
  found: ImportedImage,
  parent: Image | undefined,
): Promise<Image | undefined> {
  const below = parent?.config.rootfs.diff_ids ?? [];
  const diffIds = found.config.rootfs.diff_ids;
  if (below.some((layer, index) => layer !== diffIds[index])) return undefined;
  const chains = chainIds(diffIds);
  const layers = [...(parent?.layers ?? [])];
  let size = parent?.size ?? 0;
  const made: Digest[] = [];
  for (const [index, diffId] of diffIds.entries()) {
    if (index < below.length) continue;
    const layer = found.layers[diffId];
    const chainId = chains[index];
    if (layer === undefined || chainId === undefined) return undefined;
    size += await fetchLayer(run, found, { layer, diffId, chainId, parent: chains[index - 1] ?? '' });
    layers.push(layer);
    made.push(layer.digest, chainId);
  }
  const image = await run.parts.images.store({
    ...{ config: found.config, layers, tags: [], size },
    ...(parent !== undefined && { parent: parent.id }),
  });
  run.journal.settle(...made);
  return image;
}

/** Gives the bytes of its files. */
async function fetchLayer(
  { parts, lease, journal }: BuildRun,
  { fetch }: ImportedImage,
  made: { layer: Descriptor; diffId: Digest; chainId: Digest; parent: Digest | '' },
): Promise<number> {
  const { layer, diffId, chainId, parent } = made;
  const { blobs, snapshotter, layerLimits: limits } = parts;
  journal.add(layer.digest);
  await lease.hold(layer.digest);
  if ((await blobs.stat(layer.digest)) === undefined)
    await blobs.write(await fetch(layer), { digest: layer.digest, size: layer.size });
  journal.add(chainId);
  await lease.hold(chainId);
  const packed = (await blobs.stat(layer.digest))?.size ?? 0;
  const bound = { limits, layer: { digest: layer.digest, size: packed } };
  const content = await blobs.open(layer.digest);
  const { size } = await snapshotter.unpack(chainId, parent, content, diffId, bound);
  return size;
}
