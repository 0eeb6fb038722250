import { unlessAborted } from '#base/abort.ts';
import type { CacheMount } from '#domain/dockerfile/mount.ts';

interface Wanted {
  key: string;
  /** Folders of this key that exist already. */
  known: () => string[];
  sharing: CacheMount['sharing'];
  /** Names a new folder. */
  make: () => string;
}

interface Folder {
  key: string;
  /** How those use it who do so now: several only when all share. */
  users: CacheMount['sharing'][];
  ready?: Promise<string>;
}

export interface HeldFolder {
  name: string;
  /** Of those who share a folder, the first opens it. */
  ready(open: () => Promise<string>): Promise<string>;
  release(): void;
}

/**
 * Who uses which folder of a cache: with `shared` many at once, with `private` each its own, with `locked` one after
 * another.
 */
export class CacheUse {
  readonly #folders = new Map<string, Folder>();
  #released = Promise.withResolvers<void>();

  /** Waits for a folder where it must. @throws the signal's reason */
  async take(wanted: Wanted, signal: AbortSignal): Promise<HeldFolder> {
    for (;;) {
      signal.throwIfAborted();
      const name = this.#choose(wanted);
      if (name !== undefined) return this.#hold(name, wanted);
      await unlessAborted(this.#released.promise, signal);
    }
  }

  isHeld(name: string): boolean {
    return this.#folders.has(name);
  }

  /** Undefined: wait. */
  #choose({ key, known, sharing, make }: Wanted): string | undefined {
    const held = [...this.#folders].filter(([, folder]) => folder.key === key);
    const shared = held.find(([, { users }]) => users.every((user) => user === 'shared'));
    if (sharing === 'shared' && shared !== undefined) return shared[0];
    const free = known().find((name) => !this.#folders.has(name));
    if (free !== undefined) return free;
    return held.length === 0 || sharing === 'private' ? make() : undefined;
  }

  #hold(name: string, { key, sharing }: Wanted): HeldFolder {
    const folder = this.#folders.get(name) ?? { key, users: [] };
    folder.users.push(sharing);
    this.#folders.set(name, folder);
    return {
      name,
      ready: (open) => (folder.ready ??= open()),
      release: () => {
        folder.users.splice(folder.users.indexOf(sharing), 1);
        if (folder.users.length > 0) return;
        this.#folders.delete(name);
        this.#released.resolve();
        this.#released = Promise.withResolvers();
      },
    };
  }
}
