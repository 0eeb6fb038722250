import { isKind } from '#base/errors.ts';
import { chainIds } from '#domain/image/chain.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import { blobsOfIndex, type ImageIndex } from '#domain/image/image-index.ts';
import type { IngestJournal } from '#engine/images/ingest-journal.ts';
import type { IngestLease, Leases } from '#engine/images/leases.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Snapshotter } from '#ports/snapshotter.ts';

/** Everything in blob store and snapshotter that an image consists of. */
export function partsOf(image: Image): { blobs: Digest[]; snapshots: Digest[] } {
  return {
    blobs: [image.id, image.manifestDigest, ...image.layers.map((layer) => layer.digest)],
    snapshots: chainIds(image.config.rootfs.diff_ids),
  };
}

/** Removes blobs and snapshots that no image or index needs and nobody holds. It looks only at what it is given. */
export class Collector {
  readonly #blobs: BlobStore;
  readonly #snapshots: Snapshotter;
  readonly #leases: Leases;
  readonly #journal: IngestJournal;
  readonly #images: () => Iterable<Image>;
  readonly #indexes: () => Iterable<ImageIndex>;
  readonly #keepers: ((digest: Digest) => boolean)[] = [];
  /** Candidates that came while an open-ended lease forbade collecting blobs. */
  readonly #postponed = new Set<Digest>();

  constructor(parts: {
    blobs: BlobStore;
    snapshots: Snapshotter;
    leases: Leases;
    journal: IngestJournal;
    images: () => Iterable<Image>;
    indexes: () => Iterable<ImageIndex>;
  }) {
    this.#blobs = parts.blobs;
    this.#snapshots = parts.snapshots;
    this.#leases = parts.leases;
    this.#journal = parts.journal;
    this.#images = parts.images;
    this.#indexes = parts.indexes;
  }

  /** Whether others than images need a blob. */
  isKept(digest: Digest): boolean {
    return this.#keepers.some((needs) => needs(digest));
  }

  /** Who says yes for a blob keeps it, as images keep theirs. */
  keptBy(needs: (digest: Digest) => boolean): void {
    this.#keepers.push(needs);
  }

  /**
   * Takes references to blobs away by `forget`, in this very step, and collects those that nobody needs afterwards; what a
   * crash in between leaves is collected at the next start.
   */
  async release(digests: readonly Digest[], since: string, forget: () => void): Promise<void> {
    this.#journal.write(digests, { since });
    forget();
    await this.collect({ blobs: [...digests], snapshots: [] });
    this.#journal.forget(
      digests.filter((digest) => !this.#leases.isHeld(digest) && !this.#postponed.has(digest)),
    );
  }

  /** Collects what an interrupted pull, load or import of an earlier life brought in. */
  async recover(): Promise<void> {
    const left = this.#journal.digests();
    await this.collectAll(left.filter((digest) => digest.startsWith('sha256:')).map(toDigest));
    this.#journal.forget(left);
  }

  /** Ends an ingest: what it brought in and no image took goes. */
  async settle(lease: IngestLease): Promise<void> {
    await lease.close();
    const postponed = this.#leases.isOpenEnded ? [] : [...this.#postponed];
    for (const digest of postponed) this.#postponed.delete(digest);
    await this.collectAll([...lease.brought, ...postponed]);
    this.#journal.forget(lease.brought.filter((digest) => !this.#leases.isHeld(digest)));
  }

  /** Gives the snapshots that went, the topmost first. */
  async collect(candidates: { blobs: Digest[]; snapshots: Digest[] }): Promise<Digest[]> {
    const needed = this.#needed();
    for (const digest of candidates.blobs) await this.#collectBlob(digest, needed.blobs);
    const removed: Digest[] = [];
    for (const chainId of candidates.snapshots.toReversed())
      if (await this.#collectSnapshot(chainId)) removed.push(chainId);
    return removed;
  }

  /** A digest may name a blob or a snapshot. Snapshots go in as many rounds as they are deep. */
  async collectAll(digests: Digest[]): Promise<void> {
    let snapshots = digests;
    await this.collect({ blobs: digests, snapshots: [] });
    for (let before = -1; before !== snapshots.length && snapshots.length > 0;) {
      before = snapshots.length;
      const removed = new Set(await this.collect({ blobs: [], snapshots }));
      snapshots = snapshots.filter((digest) => !removed.has(digest));
    }
  }

  async #collectBlob(digest: Digest, needed: Set<Digest>): Promise<void> {
    if (needed.has(digest) || this.isKept(digest)) return;
    await this.#leases.exclusively(digest, async () => {
      if (this.#leases.isOpenEnded) this.#postponed.add(digest);
      else if (!this.#leases.isHeld(digest) && !this.isKept(digest) && !this.#needed().blobs.has(digest))
        await this.#drop(digest);
    });
  }

  /** What a pull brought in is where the next one goes on. */
  #drop(digest: Digest): Promise<void> {
    const isResumable = this.#journal.isResumable(digest);
    return isResumable ? this.#blobs.demote(digest) : this.#blobs.delete(digest);
  }

  async #collectSnapshot(chainId: Digest): Promise<boolean> {
    if (!(await this.#snapshots.isCommitted(chainId))) return false;
    let removed = false;
    await this.#leases.exclusively(chainId, async () => {
      if (this.#leases.isHeld(chainId) || this.#needed().snapshots.has(chainId)) return;
      removed = await this.#removeSnapshot(chainId);
    });
    return removed;
  }

  /** A snapshot that a container or a build still builds upon stays. */
  async #removeSnapshot(chainId: Digest): Promise<boolean> {
    try {
      await this.#snapshots.removeCommitted(chainId);
      return true;
    } catch (error) {
      if (isKind(error, 'conflict')) return false;
      throw error;
    }
  }

  #needed(): { blobs: Set<Digest>; snapshots: Set<Digest> } {
    const needed = { blobs: new Set<Digest>(), snapshots: new Set<Digest>() };
    for (const image of this.#images()) {
      const { blobs, snapshots } = partsOf(image);
      for (const digest of blobs) needed.blobs.add(digest);
      for (const digest of snapshots) needed.snapshots.add(digest);
    }
    for (const index of this.#indexes()) for (const digest of blobsOfIndex(index)) needed.blobs.add(digest);
    return needed;
  }
}

function toDigest(text: string): Digest {
  return `sha256:${text.slice('sha256:'.length)}`;
}
