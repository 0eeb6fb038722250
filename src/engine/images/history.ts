import { chainIds } from '#domain/image/chain.ts';
import type { Image } from '#domain/image/image.ts';
import type { HistoryEntry } from '#domain/image/manifest.ts';
import type { Parts } from '#engine/images/parts.ts';

/** The steps of an image from the top down. An image without history shows one step for each layer. */
export async function historyOf(
  parts: Parts,
  image: Image,
): Promise<{ entry: HistoryEntry; size: number }[]> {
  const snapshots = await parts.snapshots.listCommitted();
  const sizes = new Map(snapshots.map(({ chainId, size }) => [chainId, size]));
  const chain = chainIds(image.config.rootfs.diff_ids);
  const entries: HistoryEntry[] = image.config.history ?? chain.map(() => ({}));
  let layer = 0;
  return entries
    .map((entry) => {
      const chainId = entry.empty_layer === true ? undefined : chain[layer++];
      return { entry, size: chainId === undefined ? 0 : (sizes.get(chainId) ?? 0) };
    })
    .reverse();
}
