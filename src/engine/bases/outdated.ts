import { isKind, messageOf } from '#base/errors.ts';
import { baseNameLabel } from '#domain/base/base-config.ts';
import { planRefresh } from '#domain/base/refresh-plan.ts';
import type { Image } from '#domain/image/image.ts';
import type { Inventory } from '#domain/package/inventory.ts';
import { outdatedPackages, type Offer, type OutdatedPackage } from '#domain/package/outdated.ts';
import type { Containers, Images } from '#engine/contracts.ts';
import type { Bootstrapper } from '#ports/bootstrapper.ts';
import { candidatesOf } from './candidates.ts';
import type { Inventories } from './inventories.ts';
import type { RecordedBuilds } from './recorded-builds.ts';

/** A container that runs. Without `app` and `service` it is nobody's. */
export interface RunningContainer {
  container: string;
  app?: string;
  service?: string;
}

/** An image with newer packages in the mirror, or whose build took files from one that is outdated or was made anew since. */
export interface OutdatedImage {
  image: Image;
  /** Its tags; empty for one that only containers and revisions still need. */
  names: string[];
  /** The image of debian.berth that it was built upon, as it says itself; '' for none. */
  base: string;
  /** Of its packages; '' for an image without any. */
  suite: string;
  packages: OutdatedPackage[];
  /** Names of images that its build began with or copied from: outdated themselves, or made anew since. */
  from: string[];
  running: RunningContainer[];
}

export interface OutdatedReport {
  images: OutdatedImage[];
  /** What could not be compared, and why. */
  unknown: { name: string; reason: string }[];
}

export interface OutdatedOptions {
  images: Pick<Images, 'list'>;
  containers: Pick<Containers, 'list'>;
  inventories: Pick<Inventories, 'of'>;
  bootstrapper: Pick<Bootstrapper, 'offers'>;
  builds: Pick<RecordedBuilds, 'recordOf'>;
  /** Debian's word. */
  architecture: string;
}

interface Looked {
  image: Image;
  inventory: Inventory;
}

/** Compares what is installed in images with what the mirror has. */
export class Outdated {
  readonly #options: OutdatedOptions;

  constructor(options: OutdatedOptions) {
    this.#options = options;
  }

  /**
   * The mirror is asked anew, once for each suite.
   * @throws unavailable `mirror-unreachable`, `mirror-untrusted`
   */
  async report(onProgress: (line: string) => void, signal: AbortSignal): Promise<OutdatedReport> {
    const running = this.#running();
    const report: OutdatedReport = { images: [], unknown: [] };
    const bySuite = new Map<string, Looked[]>();
    for (const image of this.#options.images.list()) {
      if (image.tags.length === 0 && !running.has(image.id)) continue;
      const looked = await this.#look(image, report);
      if (looked === undefined) continue;
      const { suite } = looked.inventory;
      bySuite.set(suite, [...(bySuite.get(suite) ?? []), looked]);
    }
    for (const [suite, all] of [...bySuite].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const offers = await this.#offers(suite, all, onProgress, signal);
      if (typeof offers === 'string') {
        for (const { image } of all)
          report.unknown.push(...image.tags.map((name) => ({ name, reason: offers })));
        continue;
      }
      for (const { image, inventory } of all) {
        const packages = outdatedPackages(inventory.packages, offers);
        if (packages.length > 0)
          report.images.push({
            ...{ ...describe(image, suite), packages, from: [] },
            running: running.get(image.id) ?? [],
          });
      }
    }
    report.images.push(...this.#derived(report.images, running));
    report.images.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    return report;
  }

  async #look(image: Image, report: OutdatedReport): Promise<Looked | undefined> {
    const inventory = await this.#options.inventories.of(image).catch((error: unknown) => messageOf(error));
    const reason = reasonAgainst(inventory, image.config.architecture, this.#options.architecture);
    if (reason === undefined && typeof inventory === 'object') return { image, inventory };
    for (const name of image.tags) report.unknown.push({ name, reason: reason ?? '' });
    return undefined;
  }

  /** Those that have no outdated packages themselves. */
  #derived(
    outdated: readonly OutdatedImage[],
    running: ReadonlyMap<string, RunningContainer[]>,
  ): OutdatedImage[] {
    const images = this.#options.images.list();
    const direct = new Set<string>(outdated.map(({ image }) => image.id));
    const candidates = candidatesOf(images, direct, this.#options.builds);
    const { steps, blocked } = planRefresh(candidates);
    const names = new Set([...steps, ...blocked].map(({ name }) => name));
    const due = candidates.filter(({ name }) => names.has(name));
    return images
      .filter(({ id }) => !direct.has(id) && due.some(({ imageId }) => imageId === id))
      .map((image) => {
        const own = due.filter(({ imageId }) => imageId === image.id);
        const parents = new Set(own.flatMap(({ parentIds }) => parentIds));
        const from = [
          ...own.flatMap(({ moved }) => moved),
          ...due.filter(({ imageId }) => parents.has(imageId)).map(({ name }) => name),
        ];
        return {
          ...{ ...describe(image, ''), packages: [], from: [...new Set(from)].sort() },
          running: running.get(image.id) ?? [],
        };
      });
  }

  /** A text: why there are none. */
  async #offers(
    suite: string,
    all: readonly Looked[],
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<Offer[] | string> {
    const names = new Set(all.flatMap(({ inventory }) => inventory.packages.map(({ name }) => name)));
    const request = { suite, architecture: this.#options.architecture, fresh: true, onProgress, signal };
    try {
      return await this.#options.bootstrapper.offers(request, [...names].sort());
    } catch (error) {
      // An image of a suite that the mirror has no more must not hide what is outdated of the others.
      if (isKind(error, 'not-found')) return messageOf(error);
      throw error;
    }
  }

  /** By image. */
  #running(): Map<string, RunningContainer[]> {
    const running = new Map<string, RunningContainer[]>();
    for (const { name, imageId, state, identity } of this.#options.containers.list()) {
      if (!['running', 'paused', 'restarting'].includes(state.status)) continue;
      const of = identity === undefined ? {} : { app: identity.app, service: identity.service };
      running.set(imageId, [...(running.get(imageId) ?? []), { container: name, ...of }]);
    }
    return running;
  }
}

/** Why an image cannot be compared with the mirror; undefined when it can. */
function reasonAgainst(
  inventory: Inventory | string | undefined,
  architecture: string,
  own: string,
): string | undefined {
  if (typeof inventory === 'string') return inventory;
  if (inventory === undefined) return 'it has no package database';
  if (inventory.distribution !== 'debian' || inventory.kind !== 'deb')
    return `its packages are of ${inventory.distribution === '' ? 'an unknown distribution' : inventory.distribution}, the mirror is Debian's`;
  if (inventory.suite === '') return 'it does not say of which suite its packages are';
  if (architecture !== own) return `it is for ${architecture}, the mirror's lists are for ${own}`;
  return undefined;
}

function describe(image: Image, suite: string): Pick<OutdatedImage, 'image' | 'names' | 'base' | 'suite'> {
  const base = image.config.config?.Labels?.[baseNameLabel] ?? '';
  return { image, names: image.tags, base, suite };
}

const nameOf = ({ names, image }: OutdatedImage): string => names[0] ?? image.id;
