import type { CacheEntry } from '#domain/build/cache-prune.ts';
import type { Image } from '#domain/image/image.ts';
import type { Images } from '#engine/contracts.ts';
import type { BuildCache } from '#engine/builds/cache.ts';
import type { CacheMounts } from '#engine/builds/cache-mounts.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
import { isKind } from '#base/errors.ts';

/** Forgets entries of the cache, and removes the untagged images that only these held. */
export async function pruneCache(
  { images, events }: Pick<BuildParts, 'images' | 'events'>,
  { cache, caches }: { cache: BuildCache; caches: CacheMounts },
  entries: readonly CacheEntry[],
): Promise<{ removed: string[]; reclaimed: number }> {
  const before = storedBytes(images);
  const removed: string[] = [];
  let freed = 0;
  for (const { id, kind, imageId } of entries) {
    if (kind === 'exec.cachemount') {
      freed += await caches.drop(id);
      removed.push(id);
      continue;
    }
    cache.drop(imageId);
    removed.push(...(await removeUnnamed(images, imageId)));
  }
  const reclaimed = freed + Math.max(0, before - storedBytes(images));
  events.emit('builder', 'prune', '', { reclaimed: String(reclaimed) });
  return { removed, reclaimed };
}

async function removeUnnamed(images: Images, id: string): Promise<string[]> {
  const image = images.find(id);
  if (image === undefined || image.tags.length > 0 || hasChildren(images, image)) return [];
  try {
    const report = await images.remove(id, { force: false, prune: false });
    return report.flatMap((line) => ('Deleted' in line ? [line.Deleted] : []));
  } catch (error) {
    // A container or another image uses it.
    if (isKind(error, 'conflict')) return [];
    throw error;
  }
}

function hasChildren(images: Images, image: Image): boolean {
  return images.list().some((other) => other.parent === image.id);
}

function storedBytes(images: Images): number {
  const layers = new Map(
    images.list().flatMap((image) => image.layers.map((layer) => [layer.digest, layer.size] as const)),
  );
  return [...layers.values()].reduce((sum, size) => sum + size, 0);
}
