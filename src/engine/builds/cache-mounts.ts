import type { CacheEntry } from '#domain/build/cache-prune.ts';
import type { CacheMount } from '#domain/dockerfile/mount.ts';
import { toHost } from '#domain/user-namespace/id-mappings.ts';
import { CacheUse } from '#engine/builds/cache-use.ts';
import type { Clock } from '#ports/clock.ts';
import type { FileTrees, Owner } from '#ports/file-trees.ts';
import type { Host } from '#ports/host.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import { fingerprint, newId } from '#base/ids.ts';

interface CacheRecord {
  /** Fingerprint of all that makes two mounts one cache. */
  key: string;
  /** As the Dockerfile names it. */
  id: string;
  created: number;
  used: number;
  uses: number;
  /** Bytes on the disk after its last use. */
  size: number;
}

interface Parts {
  trees: Pick<FileTrees, 'createFolder' | 'makeFolder' | 'removeFolder' | 'size'>;
  clock: Pick<Clock, 'now'>;
  host: Pick<Host, 'userNamespace'>;
  report: (problem: string, error: unknown) => void;
}

/** What a new cache begins with. */
type Fill = (root: string) => Promise<void>;

/** Begins the names of the folders, so that they can be told from those that a build's end removes. */
const prefix = 'cache-';
/** The folder below it that steps see, with the owner and mode of the mount. */
const files = 'files';

/**
 * The folders of `RUN --mount=type=cache`. They outlive builds; a record in the state store owns each, and is written
 * once the folder is complete.
 */
export class CacheMounts {
  readonly #parts: Parts;
  readonly #collection: Collection<CacheRecord>;
  readonly #records: Map<string, CacheRecord>;
  readonly #use = new CacheUse();

  constructor(store: StateStore, parts: Parts) {
    this.#parts = parts;
    this.#collection = store.collection<CacheRecord>('build-cache-mounts');
    this.#records = new Map(this.#collection.entries());
  }

  /** Of the folders there are, those that no cache owns. */
  strangers(folders: string[]): string[] {
    return folders.filter((name) => !this.#records.has(name));
  }

  /**
   * The folder of a cache, to be used in the way that `sharing` says until it is released. Two mounts share a cache when id,
   * source, owner and mode are the same; `origin` names the content of the source.
   * @throws the signal's reason, when it is aborted while it waits
   */
  async open(
    mount: CacheMount,
    origin: { id: string; fill: Fill },
    signal: AbortSignal,
  ): Promise<{ root: string; release: () => void }> {
    const { id, source, uid, gid, mode } = mount;
    const key = fingerprint(JSON.stringify([id, origin.id, source, uid, gid, mode]));
    const known = (): string[] =>
      [...this.#records].flatMap(([name, record]) => (record.key === key ? [name] : []));
    const make = (): string => `${prefix}${newId()}`;
    const held = await this.#use.take({ key, known, sharing: mount.sharing, make }, signal);
    try {
      const root = await held.ready(() => this.#open(held.name, key, mount, origin.fill));
      const release = (): void => {
        held.release();
        this.#measure(held.name, root);
      };
      return { root: `${root}/${files}`, release };
    } catch (error) {
      if (!this.#records.has(held.name)) await this.#discard(held.name);
      held.release();
      throw error;
    }
  }

  /** One whose making failed has no record: what cannot be removed of it now goes at the next start. */
  async #discard(name: string): Promise<void> {
    const { trees, report } = this.#parts;
    await trees.removeFolder(name).catch((error: unknown) => {
      report('the folder of a cache mount could not be removed', error);
    });
  }

  async #open(name: string, key: string, mount: CacheMount, fill: Fill): Promise<string> {
    const { trees, clock } = this.#parts;
    const root = await trees.createFolder(name);
    if (this.#records.has(name)) return root;
    const { id, uid, gid, mode } = mount;
    await trees.makeFolder({ root, path: files }, this.#onHost({ uid, gid }), mode);
    await fill(`${root}/${files}`);
    const now = clock.now();
    this.#put(name, { key, id, created: now, used: now, uses: 0, size: 0 });
    return root;
  }

  #onHost(owner: Owner): Owner {
    const mappings = this.#parts.host.userNamespace?.mappings;
    return mappings === undefined ? owner : toHost(mappings, owner);
  }

  /** Nobody waits for it: the tree may be large. */
  #measure(name: string, root: string): void {
    const { trees, clock, report } = this.#parts;
    const used = clock.now();
    const measured = trees.size(root).then((size) => {
      const record = this.#records.get(name);
      if (record !== undefined) this.#put(name, { ...record, used, uses: record.uses + 1, size });
    });
    measured.catch((error: unknown) => {
      report('the size of a cache mount could not be read', error);
    });
  }

  #put(name: string, record: CacheRecord): void {
    this.#records.set(name, record);
    this.#collection.put(name, record);
  }

  entries(): CacheEntry[] {
    return [...this.#records].map(([name, { id, created, used, uses, size }]) => ({
      id: name.slice(prefix.length, prefix.length + 25),
      kind: 'exec.cachemount',
      imageId: '',
      description: `cached mount ${id}`,
      inUse: this.#use.isHeld(name),
      shared: false,
      ...{ created, used, uses, size },
    }));
  }

  /** Removes a cache by its entry's id, unless a step uses it. Gives the bytes that are free then. */
  async drop(entryId: string): Promise<number> {
    for (const [name, { size }] of this.#records) {
      if (!name.startsWith(`${prefix}${entryId}`) || this.#use.isHeld(name)) continue;
      // Without its record it is nobody's: what a crash leaves of it goes at the next start.
      this.#collection.delete(name);
      this.#records.delete(name);
      await this.#parts.trees.removeFolder(name);
      return size;
    }
    return 0;
  }
}
