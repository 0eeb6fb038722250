import { isKind } from '#base/errors.ts';
import { familiarName } from '#domain/image/reference.ts';
import type { Image } from '#domain/image/image.ts';
import type { Images, ImageUser, RemovedImage } from '#engine/contracts.ts';
import type { Parts } from '#engine/images/parts.ts';

/** `docker image prune`. What somebody begins to use meanwhile stays. */
export async function pruneImages(
  parts: Parts,
  options: Parameters<Images['prune']>[0],
  users: (imageId: string) => ImageUser[],
  remove: (name: string) => Promise<RemovedImage[]>,
): ReturnType<Images['prune']> {
  const sizes = new Map<string, number>();
  for (const { chainId, size } of await parts.snapshots.listCommitted()) sizes.set(chainId, size);
  const removed: RemovedImage[] = [];
  const inIndexes = parts.catalog.parts();
  // Children go before the images that they were built upon.
  for (const image of parts.catalog.all().sort(newestFirst)) {
    if (inIndexes.has(image.id) || !isCandidate(image, options) || users(image.id).length > 0) continue;
    const names = [...image.tags, ...image.repoDigests];
    for (const name of names.length === 0 ? [image.id] : names.map(familiarName))
      removed.push(...(await removedOr(remove, name)));
  }
  const bytes = removed.reduce(
    (sum, entry) => sum + ('Deleted' in entry ? (sizes.get(entry.Deleted) ?? 0) : 0),
    0,
  );
  parts.events.emit('image', 'prune', '', { reclaimed: String(bytes) });
  return { removed, bytes };
}

function newestFirst(a: Image, b: Image): number {
  return a.stored < b.stored ? 1 : -1;
}

function isCandidate(image: Image, { all, accepts }: Parameters<Images['prune']>[0]): boolean {
  return (all || image.tags.length + image.repoDigests.length === 0) && accepts(image);
}

async function removedOr(
  remove: (name: string) => Promise<RemovedImage[]>,
  name: string,
): Promise<RemovedImage[]> {
  try {
    return await remove(name);
  } catch (error) {
    if (isKind(error, 'conflict') || isKind(error, 'not-found')) return [];
    throw error;
  }
}
