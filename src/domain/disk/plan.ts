import type { CacheEntry } from '#domain/build/cache-prune.ts';
import type { DiskFacts, ImageFacts, TemporaryFacts } from '#domain/disk/facts.ts';
import { PartCounts } from '#domain/disk/part-counts.ts';
import { ageWords, type DiskRules } from '#domain/disk/rules.ts';
import { formatDecimalBytes } from '#domain/units/bytes.ts';

export interface PlannedItem {
  kind: TemporaryFacts['kind'] | 'source' | 'registry' | 'cache' | 'image';
  id: string;
  /** For people. */
  name: string;
  /** That are free when it has gone, after those before it. */
  bytes: number;
  why: string;
}

export interface DiskPlan {
  /** In the order of their removal. */
  items: PlannedItem[];
  bytes: number;
  free: number;
  keepFree: number;
  /** Bytes that are still missing afterwards; 0: enough will be free. */
  short: number;
}

/** `rules`: what the rules say; `unused`: all that nothing uses, as if space were short without end. */
export type DiskGoal = 'rules' | 'unused';

/**
 * What is to go so that the rules hold, in order: what is past its age or above its limit; then, while too little is free,
 * interrupted downloads and what clients need not send again, contexts that images could be built from again, the build cache
 * down to its reserve, and images that nothing uses, those without a name and the longest unused first. Nothing that is kept, in use or stood upon by what stays is ever chosen.
 */
export function planDisk(facts: DiskFacts, rules: DiskRules, goal: DiskGoal): DiskPlan {
  const planner = new Planner(facts, rules, goal);
  planner.byAge();
  planner.bySpace();
  return planner.plan();
}

class Planner {
  readonly #facts: DiskFacts;
  readonly #rules: DiskRules;
  readonly #goal: DiskGoal;
  readonly #items: PlannedItem[] = [];
  readonly #chosen = new Set<string>();
  readonly #all: ReadonlyMap<string, ImageFacts>;
  /** Those that stay, so far. */
  readonly #images: Map<string, ImageFacts>;
  readonly #children = new Map<string, number>();
  readonly #counts: PartCounts;
  readonly #cached: ReadonlySet<string>;
  #bytes = 0;

  constructor(facts: DiskFacts, rules: DiskRules, goal: DiskGoal) {
    this.#facts = facts;
    this.#rules = rules;
    this.#goal = goal;
    this.#all = new Map(facts.images.map((image) => [image.id, image]));
    this.#images = new Map(this.#all);
    for (const { parent } of facts.images)
      if (parent !== undefined) this.#children.set(parent, (this.#children.get(parent) ?? 0) + 1);
    this.#counts = new PartCounts(facts.images, facts.pinned);
    this.#cached = new Set(facts.cache.map(({ imageId }) => imageId));
  }

  byAge(): void {
    const { now, temporary, registry } = this.#facts;
    const { partialAge, buildCacheAge, untaggedAge, buildCache } = this.#rules;
    for (const one of temporary) {
      // The registry lets go of uploads by its own rules.
      if (one.kind === 'upload') continue;
      const age = one.kind === 'packages' ? untaggedAge : partialAge;
      if (now - one.touched >= age) this.#takeTemporary(one, `not used for ${ageWords(age)}`);
    }
    for (const { kind, name, why, part } of registry) {
      const bytes = part === undefined || this.#counts.has(part.key) ? 0 : part.size;
      this.#take({ kind: 'registry', id: `${kind} ${name}`, name: `${kind} ${name}`, bytes, why });
    }
    this.#takeCache(({ used }) => now - used >= buildCacheAge, {}, `not used for ${ageWords(buildCacheAge)}`);
    this.#takeCache(
      () => true,
      { most: buildCache },
      `the build cache is above ${formatDecimalBytes(buildCache)}`,
    );
    this.#takeImages(
      ({ names, used }) => names.length === 0 && now - used >= untaggedAge,
      () => false,
      `without a name and not used for ${ageWords(untaggedAge)}`,
    );
  }

  /** A removed image may free a step of the cache, and that one an image: until nothing is left. */
  bySpace(): void {
    const { now, temporary } = this.#facts;
    const { keepFree, buildCacheReserved } = this.#rules;
    const unusedAge = this.#goal === 'unused' ? 0 : this.#rules.unusedAge;
    const why =
      this.#goal === 'unused'
        ? 'not in use'
        : `not in use, and less than ${formatDecimalBytes(keepFree)} are free`;
    const isOver = (): boolean => this.#isEnough();
    const reserve = this.#goal === 'unused' ? -1 : buildCacheReserved;
    for (const one of temporary) if (!isOver()) this.#takeTemporary(one, why);
    if (this.#goal === 'rules')
      this.#takeSources(isOver, `less than ${formatDecimalBytes(keepFree)} are free`);
    const isOld = ({ used }: ImageFacts): boolean => now - used >= unusedAge;
    for (let before = -1; before !== this.#items.length;) {
      before = this.#items.length;
      this.#takeCache(() => true, { most: reserve, isOver }, why);
      this.#takeImages((image) => image.names.length === 0 && isOld(image), isOver, why);
      this.#takeImages(isOld, isOver, why);
    }
  }

  plan(): DiskPlan {
    const { free } = this.#facts;
    const { keepFree } = this.#rules;
    const short = Math.max(0, keepFree - free - this.#bytes);
    return { items: this.#items, bytes: this.#bytes, free, keepFree, short };
  }

  #isEnough(): boolean {
    return this.#goal === 'rules' && this.#facts.free + this.#bytes >= this.#rules.keepFree;
  }

  #take(item: PlannedItem): void {
    this.#items.push(item);
    this.#bytes += item.bytes;
  }

  #takeTemporary({ kind, id, name = id, size, inUse }: TemporaryFacts, why: string): void {
    const key = `${kind} ${id}`;
    if (inUse || this.#chosen.has(key)) return;
    this.#chosen.add(key);
    this.#take({ kind, id, name: `${kind} ${name}`, bytes: size, why });
  }

  /** Images could not be built again from them: their own end takes them along otherwise. */
  #takeSources(isOver: () => boolean, why: string): void {
    for (const { id, names, size } of this.#facts.sources.toSorted((a, b) => a.used - b.used)) {
      if (isOver()) return;
      this.#take({
        kind: 'source',
        id,
        name: `context of ${names.join(', ') || 'a build'}`,
        bytes: size,
        why,
      });
    }
  }

  /**
   * The longest unused first, a step only after all that stand on it, until no more than `most` bytes are left of those that
   * can go or space is no longer short (`isOver`).
   */
  #takeCache(
    accepts: (entry: CacheEntry) => boolean,
    { most = -1, isOver = () => false }: { most?: number; isOver?: () => boolean },
    why: string,
  ): void {
    const waiting = this.#facts.cache
      .filter((entry) => !this.#chosen.has(entry.id) && accepts(entry))
      .sort((a, b) => a.used - b.used || b.created - a.created);
    let left = this.#cacheBytes();
    for (let before = -1; before !== this.#items.length;) {
      before = this.#items.length;
      for (const entry of waiting) {
        if (left <= most || isOver()) return;
        if (this.#chosen.has(entry.id) || !this.#mayForget(entry)) continue;
        left -= this.#sizeOf(entry);
        this.#takeEntry(entry, why);
      }
    }
  }

  /** Forgetting a step whose image stays frees nothing. */
  #mayForget({ kind, inUse, imageId }: CacheEntry): boolean {
    if (inUse) return false;
    const image = this.#images.get(imageId);
    if (kind === 'exec.cachemount') return true;
    return image !== undefined && image.names.length === 0 && this.#isLoose(image);
  }

  #takeEntry(entry: CacheEntry, why: string): void {
    const image = this.#images.get(entry.imageId);
    const bytes = image === undefined ? entry.size : this.#drop(image);
    this.#chosen.add(entry.id);
    this.#take({ kind: 'cache', id: entry.id, name: entry.description, bytes, why });
  }

  #takeImages(accepts: (image: ImageFacts) => boolean, isOver: () => boolean, why: string): void {
    const waiting = this.#facts.images.filter(accepts).sort((a, b) => a.used - b.used);
    for (let before = -1; before !== this.#items.length;) {
      before = this.#items.length;
      for (const image of waiting) {
        if (isOver()) return;
        // Those that steps of the build cache made, and that have no name, are the cache's.
        if (!this.#isLoose(image) || (image.names.length === 0 && this.#cached.has(image.id))) continue;
        const name = image.names.length === 0 ? image.id : image.names.join(', ');
        this.#take({ kind: 'image', id: image.id, name, bytes: this.#drop(image), why });
      }
    }
  }

  #isLoose({ id, kept }: ImageFacts): boolean {
    return kept === undefined && this.#images.has(id) && (this.#children.get(id) ?? 0) === 0;
  }

  /** Gives the bytes that nobody needs any more. */
  #drop({ id, parent, parts }: ImageFacts): number {
    this.#images.delete(id);
    if (parent !== undefined) this.#children.set(parent, (this.#children.get(parent) ?? 1) - 1);
    return this.#counts.drop(parts);
  }

  /** Bytes of the steps that no image with a name and no container needs, and of cache mounts. */
  #cacheBytes(): number {
    const needed = new Set<string>();
    for (const image of this.#images.values()) {
      if (image.names.length === 0 && image.kept === undefined) continue;
      for (let at: ImageFacts | undefined = image; at !== undefined && !needed.has(at.id);) {
        needed.add(at.id);
        at = at.parent === undefined ? undefined : this.#images.get(at.parent);
      }
    }
    return this.#facts.cache
      .filter(({ id, imageId }) => !this.#chosen.has(id) && !needed.has(imageId))
      .reduce((sum, entry) => sum + this.#sizeOf(entry), 0);
  }

  /** What a step added, packed and unpacked. */
  #sizeOf({ size, imageId }: CacheEntry): number {
    const image = this.#all.get(imageId);
    if (image === undefined) return size;
    const below = this.#all.get(image.parent ?? '')?.parts;
    return [...image.parts].reduce((sum, [part, bytes]) => sum + (below?.has(part) === true ? 0 : bytes), 0);
  }
}
