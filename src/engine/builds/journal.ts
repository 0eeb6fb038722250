import { isDigest, type Digest } from '#domain/image/digest.ts';
import type { Images } from '#engine/contracts.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** Blobs and committed snapshots that no image owns yet: what a crash in between leaves is removed from here. */
export class LayerJournal {
  readonly #images: Pick<Images, 'collect'>;
  readonly #collection: Collection<object>;

  constructor(store: StateStore, { images }: { images: Pick<Images, 'collect'> }) {
    this.#images = images;
    this.#collection = store.collection('build-layers');
  }

  add(digest: Digest): void {
    this.#collection.put(digest, {});
  }

  /** An image owns them now, or they are gone. One that comes back after a power cut is of what somebody has, or of what goes then. */
  settle(...digests: Digest[]): void {
    this.#collection.drop(digests);
  }

  /** Removes what nobody needs. To be called while no build runs. */
  async recover(): Promise<void> {
    const left = this.#collection.entries().flatMap(([digest]) => (isDigest(digest) ? [digest] : []));
    await this.#images.collect(left);
    this.settle(...left);
  }
}
