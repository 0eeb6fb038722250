import type { Digest } from '#domain/image/digest.ts';
import { blobsOfIndex } from '#domain/image/image-index.ts';
import type { ImageUser, RemovedImage } from '#engine/contracts.ts';
import type { Parts } from '#engine/images/parts.ts';
import { removeNameless } from '#engine/images/removing.ts';

/**
 * Removes what indexes held that no name stands for any more: their own blobs, and the images that were here for their
 * sake only and that nobody uses. What a crash cuts off goes by the next change.
 */
export async function sweepIndexes(
  parts: Parts,
  users: (imageId: string) => ImageUser[],
): Promise<RemovedImage[]> {
  const removed: RemovedImage[] = [];
  for (const index of parts.catalog.indexes.nameless()) {
    // Whoever holds an image of it may be about to name it; else it is the next sweep's.
    if (parts.catalog.imagesOf(index).some(({ id }) => parts.leases.isHeld(id))) continue;
    for (const image of parts.catalog.imagesOf(index))
      if (isLeft(parts, users, image.id)) removed.push(...(await removeNameless(parts, users, image)));
    await parts.collector.collect({ blobs: blobsOfIndex(index), snapshots: [] });
    // Names may stand for it again meanwhile.
    const { names = [] } = parts.catalog.indexes.byDigest(index.digest) ?? {};
    if (names.length === 0) parts.catalog.indexes.forget(index.digest);
  }
  return removed;
}

function isLeft({ catalog }: Parts, users: (imageId: string) => ImageUser[], id: Digest): boolean {
  const { tags = [], repoDigests = [] } = catalog.byId(id) ?? {};
  if (tags.length + repoDigests.length > 0) return false;
  if (catalog.indexes.all().some(({ images }) => Object.values(images).includes(id))) return false;
  return users(id).length === 0 && catalog.children(id).length === 0;
}
