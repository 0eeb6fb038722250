import { KeyedMutex } from '#base/mutex.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Lease } from '#engine/contracts.ts';
import type { IngestJournal, IngestRecord } from '#engine/images/ingest-journal.ts';

/**
 * Who works with which blobs and snapshots, so that none is collected under their hands. A holder and the
 * collector take the same lock on a digest: what a holder sees after `hold` stays.
 */
export class Leases {
  readonly #locks = new KeyedMutex();
  readonly #held = new Map<Digest, number>();
  readonly #listeners: (() => void)[] = [];
  #openEnded = 0;
  #open = 0;

  isHeld(digest: Digest): boolean {
    return this.#held.has(digest);
  }

  /** Somebody writes blobs whose digests are not known yet: no blob may go. */
  get isOpenEnded(): boolean {
    return this.#openEnded > 0;
  }

  /** Somebody brings something in, or works with what is there. */
  get isWorking(): boolean {
    return this.#open > 0;
  }

  /** Tells when work begins while there was none, and when the last has ended. */
  whenWorking(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Runs `work` while nobody can begin to hold `digest`. */
  exclusively(digest: Digest, work: () => Promise<void>): Promise<void> {
    return this.#locks.run(digest, work);
  }

  open(): Lease {
    this.#count(1);
    return new OpenLease(this, () => this.#count(-1));
  }

  /** A lease for work that only this room does: remembered over a crash, and open-ended where digests come late. */
  ingest(
    journal: IngestJournal,
    since: string,
    options: { openEnded: boolean; resumable?: boolean },
  ): IngestLease {
    if (options.openEnded) this.#openEnded++;
    const record: IngestRecord = { since, ...(options.resumable === true && { resumable: true }) };
    return new IngestLease(this, journal, record, () => {
      if (options.openEnded) this.#openEnded--;
    });
  }

  #count(step: 1 | -1): void {
    const wasWorking = this.isWorking;
    this.#open += step;
    if (wasWorking !== this.isWorking) for (const listener of this.#listeners) listener();
  }

  acquire(digest: Digest): Promise<void> {
    return this.#locks.run(digest, () => {
      this.#held.set(digest, (this.#held.get(digest) ?? 0) + 1);
      return Promise.resolve();
    });
  }

  release(digest: Digest): void {
    const count = this.#held.get(digest) ?? 0;
    if (count > 1) this.#held.set(digest, count - 1);
    else this.#held.delete(digest);
  }
}

class OpenLease implements Lease {
  readonly #leases: Leases;
  readonly #held = new Set<Digest>();
  readonly #end: () => void;
  #closed = false;

  constructor(leases: Leases, end: () => void) {
    this.#leases = leases;
    this.#end = end;
  }

  async hold(...digests: Digest[]): Promise<void> {
    for (const digest of digests) {
      if (this.#held.has(digest)) continue;
      this.#held.add(digest);
      await this.#leases.acquire(digest);
    }
  }

  close(): Promise<void> {
    for (const digest of this.#held) this.#leases.release(digest);
    this.#held.clear();
    if (!this.#closed) this.#end();
    this.#closed = true;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export class IngestLease implements Lease {
  readonly #lease: Lease;
  readonly #journal: IngestJournal;
  readonly #record: IngestRecord;
  readonly #end: () => void;
  readonly #brought = new Set<Digest>();
  #closed = false;

  constructor(leases: Leases, journal: IngestJournal, record: IngestRecord, end: () => void) {
    this.#lease = leases.open();
    this.#journal = journal;
    this.#record = record;
    this.#end = end;
  }

  /** Everything held so far: candidates for collection when the work has failed. */
  get brought(): Digest[] {
    return [...this.#brought];
  }

  async hold(...digests: Digest[]): Promise<void> {
    const further = [...new Set(digests)].filter((digest) => !this.#brought.has(digest));
    // First: what cannot be written down, on a full disk, goes all the same when the work has failed.
    for (const digest of further) this.#brought.add(digest);
    this.#journal.write(further, this.#record);
    await this.#lease.hold(...digests);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#end();
    await this.#lease.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
