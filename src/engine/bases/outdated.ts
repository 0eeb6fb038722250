import { isKind, messageOf } from '#base/errors.ts';
import { baseNameLabel } from '#domain/base/base-config.ts';
import { planRefresh } from '#domain/base/refresh-plan.ts';
import type { Image } from '#domain/image/image.ts';
import type { Inventory } from '#domain/package/inventory.ts';
import { outdatedPackages, type Offer, type OutdatedPackage } from '#domain/package/outdated.ts';
import type { Containers, Images } from '#engine/contracts.ts';
import type { Bootstrapper } from '#ports/bootstrapper.ts';
import type { Clock } from '#ports/clock.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import { candidatesOf, isPulled, type RefreshFacts } from './candidates.ts';
import type { Inventories } from './inventories.ts';
import type { AtRegistry, PulledNames } from './pulled-names.ts';
import type { RecordedBuilds } from './recorded-builds.ts';
import type { TriedBuilds } from './tried-builds.ts';

/** A container that runs. Without `app` and `service` it is nobody's. */
export interface RunningContainer {
  container: string;
  app?: string;
  service?: string;
}

/**
 * An image with newer packages in the mirror, of which the registry has a newer one, or whose build took files from one that is
 * outdated or was made anew since.
 */
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
  /** Those of its names that stand for another image in their registry by now. */
  newer: string[];
  /** Images that its build named by a digest: a refresh finds the same ones again. */
  pinned: string[];
  /** RFC 3339: when that was found first. */
  since: string;
  running: RunningContainer[];
}

export interface OutdatedReport {
  images: OutdatedImage[];
  /** What could not be compared, and why. */
  unknown: { name: string; reason: string }[];
  /** For a plan of what is to be refreshed. */
  facts: RefreshFacts;
}

export interface OutdatedOptions {
  images: Pick<Images, 'list'>;
  containers: Pick<Containers, 'list'>;
  inventories: Pick<Inventories, 'of'>;
  bootstrapper: Pick<Bootstrapper, 'offers'>;
  builds: Pick<RecordedBuilds, 'recordOf'>;
  pulled: Pick<PulledNames, 'ask'>;
  tried: Pick<TriedBuilds, 'reason'>;
  /** Why a name is left as it is, for people. */
  leftAlone: (name: string) => string | undefined;
  store: Pick<StateStore, 'collection'>;
  clock: Pick<Clock, 'timestamp'>;
  /** Debian's word. */
  architecture: string;
}

interface Looked {
  image: Image;
  inventory: Inventory;
}

/** What is known of one image besides its packages. */
type Found = Pick<OutdatedImage, 'packages' | 'from' | 'newer'> & { suite: string };

/** Compares what is installed in images with what the mirror has, and what was pulled with what its registry has. */
export class Outdated {
  readonly #options: OutdatedOptions;
  readonly #since: Collection<{ since: string }>;

  constructor(options: OutdatedOptions) {
    this.#options = options;
    this.#since = options.store.collection('image-outdated-since');
  }

  /**
   * The mirror is asked anew, once for each suite, and each registry for the names that were pulled from it.
   * @throws unavailable `mirror-unreachable`, `mirror-untrusted`
   */
  async report(onProgress: (line: string) => void, signal: AbortSignal): Promise<OutdatedReport> {
    const running = this.#running();
    const images = this.#options.images.list().filter(({ id, tags }) => tags.length > 0 || running.has(id));
    const unknown: OutdatedReport['unknown'] = [];
    const asked = this.#options.pulled.ask(this.#pulledOf(images), signal);
    // The mirror's failure is told first.
    asked.catch(() => undefined);
    const found = await this.#compare(images, unknown, onProgress, signal);
    const registries = await asked;
    this.#addNewer(images, registries, found, unknown);
    const facts = this.#facts(found, registries);
    for (const [id, derived] of this.#derived(images, facts)) found.set(id, derived);
    const listed = images
      .flatMap((image) => {
        const of = found.get(image.id);
        return of === undefined ? [] : [this.#describe(image, of, running.get(image.id) ?? [])];
      })
      .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    this.#forgetSince(found);
    return { images: listed, unknown, facts };
  }

  /** By the packages; by image. */
  async #compare(
    images: readonly Image[],
    unknown: OutdatedReport['unknown'],
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<Map<string, Found>> {
    const found = new Map<string, Found>();
    const looked: Looked[] = [];
    for (const image of images) looked.push(...(await this.#look(image, unknown)));
    const bySuite = Map.groupBy(looked, ({ inventory }) => inventory.suite);
    for (const [suite, all] of [...bySuite].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const offers = await this.#offers(suite, all, onProgress, signal);
      if (typeof offers === 'string') {
        for (const { image } of all) unknown.push(...image.tags.map((name) => ({ name, reason: offers })));
        continue;
      }
      for (const { image, inventory } of all) {
        const packages = outdatedPackages(inventory.packages, offers);
        if (packages.length > 0) found.set(image.id, { suite, packages, from: [], newer: [] });
      }
    }
    return found;
  }

  #pulledOf(images: readonly Image[]): { name: string; image: Image }[] {
    const { builds } = this.#options;
    return images.flatMap((image) =>
      image.tags
        .filter((name) => isPulled(image, name) && builds.recordOf(name, image.id) === undefined)
        .map((name) => ({ name, image })),
    );
  }

  /** What the registry has says enough of an image whose packages cannot be compared. */
  #addNewer(
    images: readonly Image[],
    registries: ReadonlyMap<string, AtRegistry>,
    found: Map<string, Found>,
    unknown: OutdatedReport['unknown'],
  ): void {
    for (const { id, tags } of images) {
      const newer = tags.filter((name) => registries.get(name) === 'newer');
      if (newer.length > 0)
        found.set(id, { ...(found.get(id) ?? { suite: '', packages: [], from: [] }), newer });
    }
    for (const one of unknown.splice(0)) {
      const at = registries.get(one.name);
      if (at === undefined) unknown.push(one);
      else if (typeof at === 'object') unknown.push({ ...one, reason: `${one.reason}; ${at.reason}` });
    }
  }

  #facts(found: ReadonlyMap<string, Found>, registries: ReadonlyMap<string, AtRegistry>): RefreshFacts {
    const { tried, leftAlone } = this.#options;
    const packages = new Map([...found].map(([id, of]) => [id, of.packages]));
    return {
      outdated: new Set(found.keys()),
      current: new Set([...registries].flatMap(([name, at]) => (at === 'same' ? [name] : []))),
      leftAlone,
      tried: (name, id) => tried.reason(name, id, packages.get(id) ?? []),
    };
  }

  async #look(image: Image, unknown: OutdatedReport['unknown']): Promise<Looked[]> {
    const inventory = await this.#options.inventories.of(image).catch((error: unknown) => messageOf(error));
    const reason = reasonAgainst(inventory, image.config.architecture, this.#options.architecture);
    if (reason === undefined && typeof inventory === 'object') return [{ image, inventory }];
    unknown.push(...image.tags.map((name) => ({ name, reason: reason ?? '' })));
    return [];
  }

  /** Those that are not outdated themselves. */
  #derived(images: readonly Image[], facts: RefreshFacts): Map<string, Found> {
    const candidates = candidatesOf(images, facts, this.#options.builds);
    const { steps, blocked } = planRefresh(candidates);
    const names = new Set([...steps, ...blocked].map(({ name }) => name));
    const due = candidates.filter(({ name }) => names.has(name));
    const derived = new Map<string, Found>();
    for (const { id } of images) {
      const own = due.filter(({ imageId }) => imageId === id);
      if (facts.outdated.has(id) || own.length === 0) continue;
      const parents = new Set(own.flatMap(({ parentIds }) => parentIds));
      const from = [
        ...own.flatMap(({ moved }) => moved),
        ...due.filter(({ imageId }) => parents.has(imageId)).map(({ name }) => name),
      ];
      derived.set(id, { suite: '', packages: [], newer: [], from: [...new Set(from)].sort() });
    }
    return derived;
  }

  #describe(image: Image, found: Found, running: RunningContainer[]): OutdatedImage {
    const { builds, clock } = this.#options;
    const { since = clock.timestamp() } = this.#since.get(image.id) ?? {};
    this.#since.note(image.id, { since });
    const pinned = image.tags.flatMap((name) => builds.recordOf(name, image.id)?.pinned ?? []);
    return {
      ...{ image, names: image.tags, base: image.config.config?.Labels?.[baseNameLabel] ?? '' },
      ...{ ...found, since, running },
      pinned: [...new Set(pinned.map(({ name }) => name))].sort(),
    };
  }

  #forgetSince(found: ReadonlyMap<string, Found>): void {
    for (const [id] of this.#since.entries()) if (!found.has(id)) this.#since.delete(id);
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

const nameOf = ({ names, image }: OutdatedImage): string => names[0] ?? image.id;
