import type { CacheEntry } from '#domain/build/cache-prune.ts';
import type { Image } from '#domain/image/image.ts';
import type { Images } from '#engine/contracts.ts';
import type { Clock } from '#ports/clock.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

interface CacheRecord {
  /** What the step made. */
  imageId: string;
  /** Milliseconds since 1970; absent in records of earlier versions. */
  created?: number;
  used?: number;
  uses?: number;
}

/** Which image a step made before, by the key of all that it depends on. The images own the layers. */
export class BuildCache {
  readonly #images: Pick<Images, 'find'>;
  readonly #clock: Clock;
  readonly #collection: Collection<CacheRecord>;
  readonly #records: Map<string, CacheRecord>;

  constructor(store: StateStore, images: Pick<Images, 'find'>, clock: Clock) {
    this.#images = images;
    this.#clock = clock;
    this.#collection = store.collection<CacheRecord>('build-cache');
    this.#records = new Map(this.#collection.entries());
  }

  /** Undefined also when the image was removed meanwhile. */
  find(key: string): Image | undefined {
    const record = this.#records.get(key);
    if (record === undefined) return undefined;
    const image = this.#images.find(record.imageId);
    if (image === undefined) this.#forget(key);
    return image;
  }

  put(key: string, image: Image): void {
    const before = this.#records.get(key);
    const now = this.#clock.now();
    const same = before?.imageId === image.id ? before : undefined;
    const record = {
      imageId: image.id,
      created: same?.created ?? now,
      used: now,
      uses: (same?.uses ?? 0) + 1,
    };
    this.#records.set(key, record);
    // When it was used last is not worth a wait for the disk.
    if (same === undefined) this.#collection.put(key, record);
    else this.#collection.note(key, record);
  }

  /** One for each image that steps made. */
  entries(): CacheEntry[] {
    const found = new Map<string, CacheEntry>();
    for (const { imageId, created = 0, used = 0, uses = 1 } of this.#records.values()) {
      const image = this.#images.find(imageId);
      if (image === undefined) continue;
      const known = found.get(imageId) ?? this.#entry(image);
      found.set(imageId, {
        ...known,
        created: Math.min(known.created || created, created || known.created),
        used: Math.max(known.used, used),
        uses: Math.max(known.uses, uses),
      });
    }
    const ids = new Set([...found.values()].map(({ id }) => id));
    // What it stands on is told only where that is in the cache too.
    return [...found.values()].map(({ parent, ...entry }) =>
      parent !== undefined && ids.has(parent) ? { ...entry, parent } : entry,
    );
  }

  #entry(image: Image): CacheEntry {
    const below = image.parent === undefined ? undefined : this.#images.find(image.parent);
    return {
      id: entryId(image.id),
      kind: 'regular',
      inUse: false,
      imageId: image.id,
      ...(below !== undefined && { parent: entryId(below.id) }),
      description: image.config.history?.at(-1)?.created_by ?? '',
      size: Math.max(0, image.size - (below?.size ?? 0)),
      created: 0,
      used: 0,
      uses: 0,
      shared: image.tags.length > 0,
    };
  }

  /** Forgets the steps that made an image. */
  drop(imageId: string): void {
    for (const [key, record] of this.#records) if (record.imageId === imageId) this.#forget(key);
  }

  /** Forgets the steps whose images are gone. */
  sweep(): void {
    for (const key of [...this.#records.keys()]) this.find(key);
  }

  #forget(key: string): void {
    this.#collection.delete(key);
    this.#records.delete(key);
  }
}

function entryId(imageId: string): string {
  return imageId.replace(/^sha256:/, '').slice(0, 25);
}
