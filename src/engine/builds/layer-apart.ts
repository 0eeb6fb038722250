import { chainIds } from '#domain/image/chain.ts';
import type { Image } from '#domain/image/image.ts';
import type { BuildRun } from '#engine/builds/build-run.ts';
import { restored } from '#engine/builds/restoring.ts';
import { makeLayer, withLayer, type LayerWork, type NewLayer } from '#engine/builds/layering.ts';

/**
 * The layer of a `COPY --link`: made on nothing, once, as an image of its own that the cache keeps; then put on whatever the
 * stage stands on. So a new base needs neither the sources nor another blob.
 */
export async function layerApart(
  run: BuildRun,
  parent: Image | undefined,
  work: LayerWork,
  key: string,
): Promise<NewLayer | undefined> {
  const alone = await imageApart(run, work, key);
  const [descriptor] = alone?.layers ?? [];
  const [diffId] = alone?.config.rootfs.diff_ids ?? [];
  if (alone === undefined || descriptor === undefined || diffId === undefined) return undefined;
  const chainId = chainIds([...(parent?.config.rootfs.diff_ids ?? []), diffId]).at(-1) ?? diffId;
  const { blobs, snapshotter } = run.parts;
  if (parent !== undefined) {
    run.journal.add(chainId);
    await run.lease.hold(chainId);
    if (!(await snapshotter.isCommitted(chainId)))
      await snapshotter.unpack(chainId, parent.chainId, await blobs.open(descriptor.digest), diffId);
  }
  return { descriptor, diffId, chainId, size: alone.size };
}

/** An image of its own of what the work makes on nothing, kept under a key of the cache; undefined when it makes nothing. */
export async function imageApart(run: BuildRun, work: LayerWork, key: string): Promise<Image | undefined> {
  const image = (await known(run, key)) ?? (await make(run, work));
  if (image !== undefined) {
    run.cache.put(key, image);
    run.kept.add(key, image);
  }
  return image;
}

async function known(run: BuildRun, key: string): Promise<Image | undefined> {
  if (run.request.noCache === true) return undefined;
  const image = run.cache.find(key) ?? (await restored(run, key, undefined));
  if (image !== undefined) await run.holdImage(image);
  return image;
}

async function make(run: BuildRun, work: LayerWork): Promise<Image | undefined> {
  const { parts, journal } = run;
  const layer = await makeLayer(parts, run, undefined, work);
  if (layer === undefined) return undefined;
  const created = run.timestamp();
  const config = { ...withLayer(run.scratch(), layer), created };
  const image = await parts.images.store({ config, layers: [layer.descriptor], tags: [], size: layer.size });
  journal.settle(layer.diffId, layer.chainId);
  return image;
}
