import { KeyedMutex } from '#base/mutex.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import { parseApkInstalled } from '#domain/package/apk-installed.ts';
import { parseDpkgStatus } from '#domain/package/dpkg-status.ts';
import { databases, parseOsRelease, type Inventory } from '#domain/package/inventory.ts';
import type { FileTrees } from '#ports/file-trees.ts';
import type { Snapshotter } from '#ports/snapshotter.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

export interface InventoriesOptions {
  snapshots: Pick<Snapshotter, 'view'>;
  trees: Pick<FileTrees, 'readText' | 'list'>;
  store: Pick<StateStore, 'collection'>;
}

/** Without an inventory: the image has no package database. */
interface Known {
  inventory?: Inventory;
}

/** What is installed in images, by their own package databases. An image never changes, so each is read once. */
export class Inventories {
  readonly #options: InventoriesOptions;
  readonly #known: Collection<Known>;
  readonly #locks = new KeyedMutex();

  constructor(options: InventoriesOptions) {
    this.#options = options;
    this.#known = options.store.collection('image-inventories');
  }

  /** Undefined for an image that has neither dpkg's nor apk's database. */
  of({ chainId }: Pick<Image, 'chainId'>): Promise<Inventory | undefined> {
    if (chainId === '') return Promise.resolve(undefined);
    return this.#locks.run(chainId, async () => {
      const known = this.#known.get(chainId);
      if (known !== undefined) return known.inventory;
      const inventory = await this.#options.snapshots.view(chainId, (root) => this.#read(root));
      this.#known.put(chainId, inventory === undefined ? {} : { inventory });
      return inventory;
    });
  }

  /** Forgets those of images that are gone. */
  sweep(isThere: (chainId: Digest) => boolean): void {
    const there: (key: string) => boolean = (key) =>
      key.startsWith('sha256:') && isThere(`sha256:${key.slice(7)}`);
    for (const [key] of this.#known.entries()) if (!there(key)) this.#known.delete(key);
  }

  async #read(root: string): Promise<Inventory | undefined> {
    const text = (path: string): Promise<string | undefined> => this.#options.trees.readText({ root, path });
    const [first, second] = databases.osRelease;
    const system = parseOsRelease((await text(first)) ?? (await text(second)) ?? '');
    const dpkg = await this.#dpkg(root);
    if (dpkg !== undefined) return { kind: 'deb', ...system, packages: parseDpkgStatus(dpkg) };
    const apk = await text(databases.apk);
    return apk === undefined ? undefined : { kind: 'apk', ...system, packages: parseApkInstalled(apk) };
  }

  async #dpkg(root: string): Promise<string | undefined> {
    const { trees } = this.#options;
    const whole = await trees.readText({ root, path: databases.dpkg });
    if (whole !== undefined && whole.trim() !== '') return whole;
    const folder = databases.dpkgParts;
    const isOnTheWay = (path: string): boolean => folder === path || folder.startsWith(`${path}/`);
    const parts = await trees.list(root, {
      keeps: (path) => isOnTheWay(path) || (path.startsWith(`${folder}/`) && !path.endsWith('.md5sums')),
      prunes: true,
    });
    const texts = await Promise.all(
      parts
        .filter((path) => path.startsWith(`${folder}/`))
        .map(async (path) => (await trees.readText({ root, path })) ?? ''),
    );
    return texts.length === 0 ? whole : texts.join('\n\n');
  }
}
