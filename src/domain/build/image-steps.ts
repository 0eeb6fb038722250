import { chainIds } from '#domain/image/chain.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import type { Descriptor, HistoryEntry } from '#domain/image/manifest.ts';

type Steps = Pick<Image, 'config' | 'layers'>;

/** A step of an image, by its history. */
export interface ImageStep {
  entry: HistoryEntry;
  /** Absent: it changed no file. */
  layer?: { descriptor: Descriptor; diffId: Digest; chainId: Digest };
}

/**
 * The step of an image right behind those of `parent`, as the classic builder's `--cache-from` looks for it: undefined
 * where the image begins with other steps, or goes on with another one than `comment` says.
 */
export function stepBehind(image: Steps, parent: Steps | undefined, comment: string): ImageStep | undefined {
  const history = image.config.history ?? [];
  const before = parent?.config.history ?? [];
  const entry = history[before.length];
  if (entry?.created_by !== comment || !before.every((each, index) => isSame(each, history[index])))
    return undefined;
  const diffIds = image.config.rootfs.diff_ids;
  const below = parent?.config.rootfs.diff_ids ?? [];
  if (below.some((layer, index) => layer !== diffIds[index])) return undefined;
  if (entry.empty_layer === true) return { entry };
  const [descriptor, diffId] = [image.layers[below.length], diffIds[below.length]];
  const chainId = chainIds(diffIds)[below.length];
  if (descriptor === undefined || diffId === undefined || chainId === undefined) return undefined;
  return { entry, layer: { descriptor, diffId, chainId } };
}

function isSame(one: HistoryEntry, other: HistoryEntry | undefined): boolean {
  return one.created_by === other?.created_by && one.empty_layer === other?.empty_layer;
}
