/** One step whose result is kept. */
export interface CacheEntry {
  /** The first 25 hexadecimal digits of the image that the step made. */
  id: string;
  /** In BuildKit's words: the result of a step, or the folder of a cache mount. */
  kind: 'regular' | 'exec.cachemount';
  /** '' for a cache mount. */
  imageId: string;
  /** `id` of the step that it stands on, where that one is in the cache too. */
  parent?: string;
  /** The instruction. */
  description: string;
  /** Bytes that the step added. */
  size: number;
  /** Milliseconds since 1970. */
  created: number;
  used: number;
  uses: number;
  /** A step works with it now: it is not removed. */
  inUse: boolean;
  /** Part of an image with a name: removing the entry frees nothing. */
  shared: boolean;
}

export interface PruneLimits {
  /** Bytes of cache that stay whatever else is asked. */
  reservedBytes: number;
  /** Bytes of cache that may stay; absent: only what is reserved. */
  maxBytes?: number;
  /** Bytes of the disk that are to be free: no more goes than that takes. */
  freeBytes?: number;
}

/**
 * Which entries a prune forgets, in the order to remove them: the longest unused first, a step only after those that stand
 * on it, until no more is there than may stay (as BuildKit's garbage collection).
 * @param accepts the filters
 * @param free bytes of the disk that are free now
 */
export function entriesToPrune(
  entries: readonly CacheEntry[],
  accepts: (entry: CacheEntry) => boolean,
  limits: PruneLimits,
  free = 0,
): CacheEntry[] {
  const children = new Map<string, number>();
  for (const { parent } of entries)
    if (parent !== undefined) children.set(parent, (children.get(parent) ?? 0) + 1);
  let kept = entries.reduce((sum, entry) => sum + entry.size, 0);
  const limit = mayStay(limits, kept, free);
  let waiting = entries
    .filter(accepts)
    .sort((one, other) => one.used - other.used || other.created - one.created);
  const chosen: CacheEntry[] = [];
  // Entries without bytes go, too, where nothing is to stay.
  const mayGo = (): boolean => limit === 0 || kept > limit;
  for (let before = -1; before !== chosen.length;) {
    before = chosen.length;
    for (const entry of waiting) {
      if ((children.get(entry.id) ?? 0) > 0 || !mayGo()) continue;
      chosen.push(entry);
      kept -= entry.size;
      if (entry.parent !== undefined) children.set(entry.parent, (children.get(entry.parent) ?? 1) - 1);
    }
    const gone = new Set(chosen);
    waiting = waiting.filter((entry) => !gone.has(entry));
  }
  return chosen;
}

/** Bytes of the cache, which has `kept` now. */
function mayStay(
  { reservedBytes, maxBytes = 0, freeBytes = 0 }: PruneLimits,
  kept: number,
  free: number,
): number {
  const missing = freeBytes - free;
  const forSpace = missing > 0 ? Math.max(0, kept - missing) : kept;
  const most = freeBytes === 0 ? maxBytes : maxBytes === 0 ? forSpace : Math.min(maxBytes, forSpace);
  return Math.max(reservedBytes, most);
}
