/** Where master keys lie, outside of the state that they seal. */
export interface KeyStore {
  /** For people: the path of a file. */
  readonly place: string;
  /**
   * Each of 32 bytes; none when there is nothing yet.
   * @throws invalid `key-file-invalid`: unreadable, of another form, or open to other users
   */
  read(): Promise<Uint8Array[]>;
  /** Replaces all of them at once, also for a crash in the middle; durable when it returns. None removes the place. */
  write(keys: readonly Uint8Array[]): Promise<void>;
}
