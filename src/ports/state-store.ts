/**
 * Where what Berth knows survives a crash. Writes are durable when the call returns; a transaction is
 * kept whole or not at all. The calls are synchronous: one takes a fraction of a millisecond.
 */
export interface StateStore {
  /** A named set of documents. The same name gives the same documents after a restart. */
  collection<T extends object>(name: string): Collection<T>;
  /** Runs `work` with all its writes in one transaction; an exception undoes them and is passed on. */
  transaction<T>(work: () => T): T;
  /** What was replaced or deleted before can no longer be read from the file. Writes all of it anew. */
  scrub(): void;
  close(): void;
}

export interface Collection<T extends object> {
  get(key: string): T | undefined;
  put(key: string, value: T): void;
  /**
   * As `put`, for what is only of use as long as the machine goes on, such as the mark of something begun: a kill of the
   * daemon keeps it, a power cut keeps it only when a `put` or `delete` followed. Nothing waits for the disk.
   */
  note(key: string, value: T): void;
  delete(key: string): void;
  /** As `delete` of each, for what does no harm where a power cut brings it back. Nothing waits for the disk. */
  drop(keys: readonly string[]): void;
  /** All documents with their keys, in order of key. Meant for start-up: engine rooms keep what they need in memory. */
  entries(): [key: string, value: T][];
}
