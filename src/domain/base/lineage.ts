import type { Image } from '#domain/image/image.ts';

/** What says where an image comes from. */
export type Lineal = Pick<Image, 'id' | 'config'>;

/**
 * The image that another was built upon: of those whose layers and steps are the beginning of its own, the longest one.
 * Nothing has to be recorded for it, and it holds for images that were built elsewhere too.
 */
export function parentOf<T extends Lineal>(image: Lineal, candidates: Iterable<T>): T | undefined {
  let best: T | undefined;
  for (const candidate of candidates)
    if (isUpon(image, candidate) && (best === undefined || stepsOf(candidate) > stepsOf(best)))
      best = candidate;
  return best;
}

const stepsOf = ({ config }: Lineal): number => config.history?.length ?? 0;

function isUpon(image: Lineal, other: Lineal): boolean {
  const { diff_ids: layers } = image.config.rootfs;
  const { diff_ids: otherLayers } = other.config.rootfs;
  // An image without a history is built upon only where it brings layers of its own.
  if (image.id === other.id || otherLayers.length === 0 || otherLayers.length > layers.length) return false;
  if (stepsOf(other) >= stepsOf(image) && otherLayers.length === layers.length) return false;
  return (
    otherLayers.every((layer, i) => layer === layers[i]) &&
    (other.config.history ?? []).every((entry, i) => {
      const own = image.config.history?.[i];
      return own?.created_by === entry.created_by && own?.created === entry.created;
    })
  );
}
