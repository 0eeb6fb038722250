import type { Image } from '#domain/image/image.ts';
import type { Images } from '#engine/contracts.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

interface CacheRecord {
  /** What the step made. */
  imageId: string;
}

/** Which image a step made before, by the key of all that it depends on. The images own the layers. */
export class BuildCache {
  readonly #images: Pick<Images, 'find'>;
  readonly #collection: Collection<CacheRecord>;
  readonly #records: Map<string, CacheRecord>;

  constructor(store: StateStore, images: Pick<Images, 'find'>) {
    this.#images = images;
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
    const record = { imageId: image.id };
    this.#collection.put(key, record);
    this.#records.set(key, record);
  }

  /** Forgets everything and gives the ids of the images that it knew. */
  clear(): string[] {
    const ids = [...this.#records.values()].map((record) => record.imageId);
    for (const key of this.#records.keys()) this.#forget(key);
    return [...new Set(ids)];
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
