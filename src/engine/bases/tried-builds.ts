import { fingerprint } from '#base/ids.ts';
import type { OutdatedPackage } from '#domain/package/outdated.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

interface Tried {
  imageId: string;
  /** Of the packages that the mirror had newer. */
  packages: string;
  /** RFC 3339. */
  when: string;
}

/** Builds without the cache that brought no newer packages: the same try is not made again until the mirror has something else. */
export class TriedBuilds {
  readonly #tried: Collection<Tried>;

  constructor(store: Pick<StateStore, 'collection'>) {
    this.#tried = store.collection('base-refresh-tried');
  }

  note(name: string, imageId: string, packages: readonly OutdatedPackage[], when: string): void {
    this.#tried.put(name, { imageId, packages: keyOf(packages), when });
  }

  /** In words, why another try would bring nothing; undefined when it may. */
  reason(name: string, imageId: string, packages: readonly OutdatedPackage[]): string | undefined {
    const tried = this.#tried.get(name);
    if (tried?.imageId !== imageId || tried.packages !== keyOf(packages)) return undefined;
    return `a build without the cache brought no newer packages (${tried.when.slice(0, 16)}Z)`;
  }

  sweep(imageOf: (name: string) => string | undefined): void {
    for (const [name, { imageId }] of this.#tried.entries())
      if (imageOf(name) !== imageId) this.#tried.delete(name);
  }
}

function keyOf(packages: readonly OutdatedPackage[]): string {
  return fingerprint(JSON.stringify(packages.map(({ name, candidate }) => [name, candidate])));
}
