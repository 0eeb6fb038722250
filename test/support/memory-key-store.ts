import type { KeyStore } from '#ports/key-store.ts';

/** Keys in memory; `fails` makes the next write fail as a crash would: before it, or after it was done. */
export class MemoryKeyStore implements KeyStore {
  readonly place = '/memory/secrets.key';
  keys: Uint8Array[] = [];
  writes = 0;
  fails: { write: number; done: boolean } | undefined;

  read(): Promise<Uint8Array[]> {
    return Promise.resolve([...this.keys]);
  }

  write(keys: readonly Uint8Array[]): Promise<void> {
    this.writes += 1;
    const isCrash = this.fails?.write === this.writes;
    if (!isCrash || this.fails?.done === true) this.keys = [...keys];
    return isCrash ? Promise.reject(new Error('the daemon was killed')) : Promise.resolve();
  }
}
