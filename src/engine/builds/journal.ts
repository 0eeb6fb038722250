import { chainIds } from '#domain/image/chain.ts';
import { isDigest, type Digest } from '#domain/image/digest.ts';
import type { Images } from '#engine/contracts.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Snapshotter } from '#ports/snapshotter.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

type What = { kind: 'blob' | 'snapshot' };

/** Blobs and committed snapshots that no image owns yet: what a crash in between leaves is removed from here. */
export class LayerJournal {
  readonly #parts: { images: Pick<Images, 'list'>; blobs: BlobStore; snapshotter: Snapshotter };
  readonly #collection: Collection<What>;

  constructor(
    store: StateStore,
    parts: { images: Pick<Images, 'list'>; blobs: BlobStore; snapshotter: Snapshotter },
  ) {
    this.#parts = parts;
    this.#collection = store.collection<What>('build-layers');
  }

  add(kind: What['kind'], digest: Digest): void {
    this.#collection.put(digest, { kind });
  }

  /** An image owns them now, or they are gone. */
  settle(...digests: Digest[]): void {
    for (const digest of digests) this.#collection.delete(digest);
  }

  /** Removes what no image owns. To be called while no build runs. */
  async recover(): Promise<void> {
    const images = this.#parts.images.list();
    const owned = new Set<string>(
      images.flatMap(({ layers, config }) => [
        ...layers.map((layer) => layer.digest),
        ...chainIds(config.rootfs.diff_ids),
      ]),
    );
    for (const [digest, { kind }] of this.#collection.entries()) {
      if (isDigest(digest) && !owned.has(digest)) await this.#remove(kind, digest);
      this.#collection.delete(digest);
    }
  }

  async #remove(kind: What['kind'], digest: Digest): Promise<void> {
    if (kind === 'blob') await this.#parts.blobs.delete(digest);
    else await this.#parts.snapshotter.removeCommitted(digest);
  }
}
