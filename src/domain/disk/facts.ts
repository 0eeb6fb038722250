import type { CacheEntry } from '#domain/build/cache-prune.ts';

export interface ImageFacts {
  id: string;
  /** Tags and digests, as people write them. */
  names: readonly string[];
  /** The image that it was built upon: it cannot go before this one. */
  parent?: string;
  /** Milliseconds since 1970. */
  used: number;
  /** Why it stays, whatever the rules say: `container 0123456789ab uses it`. */
  kept?: string;
  /** Bytes of each blob and snapshot that it consists of; others may have them in common with it. */
  parts: ReadonlyMap<string, number>;
}

/** Something half-done. */
export interface TemporaryFacts {
  /**
   * What came of a pull, or of an upload to the registry, that broke off; what clients need not send again for their builds; lists and packages that the next
   * image of a suite need not fetch.
   */
  kind: 'download' | 'upload' | 'context' | 'packages';
  id: string;
  /** For people; absent: the id. */
  name?: string;
  size: number;
  /** Milliseconds since 1970: when something came for it last. */
  touched: number;
  inUse: boolean;
}

/** A context that a client sent, kept so that images can be built from it again. */
export interface SourceFacts {
  id: string;
  /** Of the images, for people. */
  names: readonly string[];
  size: number;
  /** Milliseconds since 1970. */
  used: number;
}

/** What the registry lets go of by its own rules. */
export interface RegistryFacts {
  kind: 'tag' | 'manifest' | 'blob' | 'upload';
  name: string;
  why: string;
  /** Key and bytes of the blob, where one goes. */
  part?: { key: string; size: number };
}

/** All that a plan is made from. */
export interface DiskFacts {
  /** Milliseconds since 1970. */
  now: number;
  /** Bytes that can be written. */
  free: number;
  images: readonly ImageFacts[];
  cache: readonly CacheEntry[];
  temporary: readonly TemporaryFacts[];
  sources: readonly SourceFacts[];
  registry: readonly RegistryFacts[];
  /** Parts that somebody else needs: they stay when their images go. */
  pinned: (part: string) => boolean;
}
