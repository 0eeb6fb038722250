import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { piecesOf, type ByteReader } from '#base/byte-reader.ts';
import { conflict } from '#base/errors.ts';
import { KeyedMutex } from '#base/mutex.ts';
import { bootId } from '#adapters/linux/boot-id.ts';
import { unmountInPool, unmountIfMounted } from '#adapters/linux/libc.ts';
import { mountTable } from '#adapters/linux/mount-table.ts';
import { mountOverlay } from '#adapters/linux/overlay.ts';
import { LayerDecoder } from '#adapters/overlay/layer-decoder.ts';
import { RemappedFolders, type Remapping } from '#adapters/overlay/remapped-folders.ts';
import { SnapshotFolders } from '#adapters/overlay/snapshot-folders.ts';
import { StagedFolder } from '#adapters/overlay/staged-folder.ts';
import { TreePool } from '#adapters/overlay/tree-pool.ts';
import { Views } from '#adapters/overlay/views.ts';
import { parseDigest, type Digest } from '#domain/image/digest.ts';
import type { LayerBound } from '#domain/image/layer-limit.ts';
import type { Change, DiffOptions, LayerInfo, LayerSource, Snapshotter } from '#ports/snapshotter.ts';

/** What is read of a layer at a time where its content is not needed. */
const pieceSize = 256 * 1024;

/** Layers as directories, joined by overlayfs. Work on many files runs in worker threads. */
export class OverlaySnapshotter implements Snapshotter {
  readonly #folders: SnapshotFolders;
  readonly #remapped: RemappedFolders | undefined;
  readonly #views: Views;
  readonly #pool = new TreePool(4);
  /** One that unpacks may have to wait for what it unpacks. */
  readonly #unpackers = new TreePool(5);
  /** Removes what nobody waits for. */
  readonly #sweeper = new TreePool(1);
  readonly #locks = new KeyedMutex();
  /** Active snapshots that are mounted, as far as this process did it or found it. */
  readonly #mounted = new Set<string>();

  private constructor(root: string, remapping: Remapping | undefined, boot: string) {
    const place = join(root, 'snapshots');
    this.#remapped =
      remapping && new RemappedFolders(place, join(root, 'snapshots-as-containers-see'), remapping);
    this.#views = new Views(join(place, 'views'));
    this.#folders = new SnapshotFolders(place, {
      owner: this.#remapped?.owner,
      boot,
      removeLarge: (folder, urgent) =>
        urgent ? this.#pool.remove(folder) : this.#sweeper.removeLast(folder),
    });
  }

  /**
   * `root` is absolute. Removes what a crash left half-made; active snapshots and their mounts stay,
   * because containers may be running in them.
   * @param remapping absent: containers have the host's ids
   * @param boot what this start of the machine is told from others by
   */
  static async open(root: string, remapping?: Remapping, boot = bootId()): Promise<OverlaySnapshotter> {
    const snapshotter = new OverlaySnapshotter(root, remapping, boot);
    await snapshotter.#folders.make();
    await snapshotter.#remapped?.mount();
    await snapshotter.#repair();
    return snapshotter;
  }

  isCommitted(chainId: Digest): Promise<boolean> {
    return Promise.resolve(this.#folders.isCommitted(chainId));
  }

  unpack(
    chainId: Digest,
    parent: Digest | '',
    layer: LayerSource,
    expected?: Digest,
    bound?: LayerBound,
  ): Promise<LayerInfo> {
    return this.#locks.run(chainId, async () => {
      if (this.#folders.isCommitted(chainId)) return this.#known(chainId, layer, expected);
      await using staged = await this.stage(layer, bound);
      await staged.publish(chainId, parent, expected);
      return staged.info;
    });
  }

  async #known(chainId: Digest, layer: LayerSource, expected: Digest | undefined): Promise<LayerInfo> {
    const { diffId = expected, size } = this.#folders.record(chainId);
    try {
      return { diffId: diffId ?? (await diffIdOf(layer)), size };
    } finally {
      await close(layer);
    }
  }

  async stage(layer: LayerSource, bound?: LayerBound): Promise<StagedFolder> {
    const folder = this.#folders.temporary(randomUUID());
    const remove = (): Promise<void> => this.#pool.remove(folder);
    try {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      await this.#folders.makeOwned(join(folder, 'fs'));
      const rules = { mappings: this.#remapped?.mappings, bound };
      const info = await this.#unpackers.unpack(this.#seen(join(folder, 'fs')), layer, rules);
      return new StagedFolder(folder, info, { folders: this.#folders, locks: this.#locks, remove });
    } catch (error) {
      await remove();
      throw error;
    } finally {
      await close(layer);
    }
  }

  create(key: string, parent: Digest | ''): Promise<void> {
    return this.#locks.run(key, () => this.#folders.addActive(key, parent));
  }

  mount(
    key: string,
    ids: 'host' | 'container' = 'host',
    writes: 'durable' | 'volatile' = 'durable',
  ): Promise<string> {
    const as = (path: string): string => (ids === 'host' ? path : this.#seen(path));
    return this.#locks.run(key, async () => {
      const folder = this.#folders.active(key);
      const target = join(folder, 'merged');
      if (this.#mounted.has(key)) return target;
      const lower = this.#folders.lower(this.#folders.parentOf(key));
      // overlayfs wants a lower directory; a snapshot without parent has an empty one.
      if (lower.length === 0) lower.push(await this.#empty());
      mountOverlay({
        lower: lower.map(as),
        upper: as(join(folder, 'upper')),
        work: as(join(folder, 'work')),
        volatile: writes === 'volatile',
        target,
      });
      this.#mounted.add(key);
      return target;
    });
  }

  written(key: string, ids: 'host' | 'container'): string {
    const upper = join(this.#folders.active(key), 'upper');
    return ids === 'host' ? upper : this.#seen(upper);
  }

  unmount(key: string): Promise<void> {
    return this.#locks.run(key, () => this.#unmount(key));
  }

  /** The last unmount of an overlay that is not volatile has the kernel write out what is dirty on the disk, however much that is. */
  async #unmount(key: string): Promise<void> {
    const target = join(this.#folders.active(key), 'merged');
    if (this.#mounted.has(key)) await unmountInPool(target);
    else unmountIfMounted(target);
    this.#mounted.delete(key);
  }

  remove(key: string): Promise<void> {
    return this.#locks.run(key, async () => {
      await this.#unmount(key);
      // Moved away first: a removal that is interrupted leaves nothing that looks like a snapshot.
      await this.#folders.removeActive(key);
    });
  }

  async view<T>(chainId: Digest | '', use: (root: string) => Promise<T>): Promise<T> {
    const layers = this.#folders.lower(chainId);
    if (layers.length === 0) return use(await this.#empty());
    return this.#views.use(
      layers.map((layer) => this.#seen(layer)),
      use,
    );
  }

  async changes(key: string): Promise<Change[]> {
    const parent = this.#folders.parentOf(key);
    const upper = join(this.#folders.active(key), 'upper');
    return this.view(parent, (lower) => this.#pool.changes(upper, lower));
  }

  diff(key: string, { epoch, onSize = () => undefined, without = [] }: DiffOptions = {}): ByteReader {
    this.#folders.parentOf(key);
    const upper = join(this.#folders.active(key), 'upper');
    return this.#pool.tar(upper, { epoch, without, mappings: this.#remapped?.mappings }, onSize);
  }

  commit(key: string, chainId: Digest, size?: number): Promise<void> {
    return this.#locks.run(chainId, () => this.#locks.run(key, () => this.#commit(key, chainId, size)));
  }

  async #commit(key: string, chainId: Digest, known: number | undefined): Promise<void> {
    const parent = this.#folders.parentOf(key);
    await this.#unmount(key);
    const folder = await this.#folders.takeActive(key);
    if (folder === undefined) return;
    if (this.#folders.isCommitted(chainId)) {
      await this.#pool.remove(folder);
      return;
    }
    try {
      await Promise.all([
        rename(join(folder, 'upper'), join(folder, 'fs')),
        rm(join(folder, 'work'), { recursive: true, force: true }),
        rmdir(join(folder, 'merged')),
        rm(join(folder, 'snapshot.json')),
      ]);
      const size = known ?? (await this.#pool.size(join(folder, 'fs')));
      await this.#folders.publish(folder, chainId, { parent, size });
    } catch (error) {
      await this.#pool.remove(folder);
      throw error;
    }
  }

  async usage(key: string): Promise<number> {
    this.#folders.parentOf(key);
    return this.#pool.size(join(this.#folders.active(key), 'upper'));
  }

  removeCommitted(chainId: Digest): Promise<void> {
    return this.#locks.run(chainId, async () => {
      if (!this.#folders.isCommitted(chainId)) return;
      const user = this.#folders.userOf(chainId);
      if (user !== undefined)
        throw conflict('snapshot-in-use', `removing snapshot '${chainId}': '${user}' builds upon it`);
      await this.#folders.removeCommitted(chainId);
    });
  }

  listActive(): Promise<string[]> {
    return Promise.resolve(this.#folders.activeKeys());
  }

  listCommitted(): Promise<{ chainId: Digest; parent: Digest | ''; size: number }[]> {
    const list = this.#folders.records().map(([chainId, { parent, size }]) => ({ chainId, parent, size }));
    return Promise.resolve(list);
  }

  persist(): Promise<void> {
    return this.#folders.written();
  }

  settled(): Promise<void> {
    return this.#folders.removed();
  }

  /** Ends the worker threads. Mounts stay; so does what was removed and is not gone yet: that goes at the next start. */
  async close(): Promise<void> {
    const pools = [this.#pool, this.#unpackers, this.#sweeper];
    for (const pool of pools) pool.stopRemovals();
    await this.#folders.close();
    await Promise.all(pools.map((pool) => pool.close()));
    this.#remapped?.unmount();
  }

  /** Where a path of the store is seen, and made, with the containers' ids. */
  #seen(path: string): string {
    return this.#remapped?.seen(path) ?? path;
  }

  async #empty(): Promise<string> {
    const path = join(this.#folders.root, 'empty');
    await mkdir(path, { recursive: true, mode: 0o755 });
    return path;
  }

  async #repair(): Promise<void> {
    const mounts = new Set((await mountTable()).map(({ point }) => point));
    await this.#views.clear(mounts);
    for (const key of this.#folders.activeKeys())
      if (mounts.has(join(this.#folders.active(key), 'merged'))) this.#mounted.add(key);
  }
}

async function close(layer: LayerSource): Promise<void> {
  if (Symbol.asyncIterator in layer) layer.destroy();
  else await layer.close();
}

async function diffIdOf(layer: LayerSource): Promise<Digest> {
  const hash = createHash('sha256');
  const decoder = new LayerDecoder((plain) => hash.update(plain));
  try {
    const pieces: AsyncIterable<Uint8Array> =
      Symbol.asyncIterator in layer ? layer : piecesOf(layer, pieceSize);
    for await (const piece of pieces) decoder.push(piece);
    decoder.end();
  } finally {
    decoder.close();
  }
  return parseDigest(`sha256:${hash.digest('hex')}`);
}
