import type { Digest } from '#domain/image/digest.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** A digest that work in progress brought in. What a crash leaves of it is collected at the next start. */
export interface IngestRecord {
  since: string;
  /** A pull: its blobs are of use to the next one. */
  resumable?: true;
}

/** What is being brought in, over a crash. Several digests are one transaction: each waits for the disk. */
export class IngestJournal {
  readonly #state: StateStore;
  readonly #records: Collection<IngestRecord>;

  constructor(state: StateStore) {
    this.#state = state;
    this.#records = state.collection<IngestRecord>('image-ingest');
  }

  /** All that are written. */
  digests(): string[] {
    return this.#records.entries().map(([digest]) => digest);
  }

  isResumable(digest: Digest): boolean {
    return this.#records.get(digest)?.resumable === true;
  }

  write(digests: readonly Digest[], record: IngestRecord): void {
    if (digests.length === 0) return;
    this.#state.transaction(() => {
      for (const digest of digests) this.#records.put(digest, record);
    });
  }

  /** One that comes back after a power cut is of what somebody has, or of what goes at the next start. */
  forget(digests: readonly string[]): void {
    this.#records.drop(digests);
  }
}
