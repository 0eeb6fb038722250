import { invalid } from '#base/errors.ts';
import type { KeyedMutex } from '#base/mutex.ts';
import type { SnapshotFolders } from '#adapters/overlay/snapshot-folders.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { LayerInfo, StagedLayer } from '#ports/snapshotter.ts';

interface Store {
  folders: SnapshotFolders;
  locks: KeyedMutex;
  /** Removes the folder. */
  remove: () => Promise<void>;
}

/** An unpacked layer in a folder of its own. */
export class StagedFolder implements StagedLayer {
  readonly info: LayerInfo;
  readonly #folder: string;
  readonly #store: Store;
  #isOurs = true;

  constructor(folder: string, info: LayerInfo, store: Store) {
    this.#folder = folder;
    this.info = info;
    this.#store = store;
  }

  place(chainId: Digest, parent: Digest | '', expected?: Digest): Promise<LayerInfo> {
    const { folders, locks } = this.#store;
    return locks.run(chainId, async () => {
      if (folders.isCommitted(chainId)) return { ...this.info, size: folders.record(chainId).size };
      await this.publish(chainId, parent, expected);
      return this.info;
    });
  }

  /** As `place`, by whom the lock on `chainId` is held and who knows that it is not there. */
  async publish(chainId: Digest, parent: Digest | '', expected: Digest | undefined): Promise<void> {
    if (expected !== undefined && this.info.diffId !== expected)
      throw invalid(
        'layer-digest-mismatch',
        `unpacking layer ${expected}: the content has the digest ${this.info.diffId}`,
        { hint: 'the image is damaged; fetch it again' },
      );
    await this.#store.folders.publish(this.#folder, chainId, { parent, ...this.info });
    this.#isOurs = false;
  }

  /** Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOurs) return;
    this.#isOurs = false;
    await this.#store.remove();
  }
}
