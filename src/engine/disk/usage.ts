import { shortId } from '#base/ids.ts';
import { familiarName } from '#domain/image/reference.ts';
import { logLimits } from '#domain/container/log-limits.ts';
import { isActive } from '#domain/container/state.ts';
import type { ImageFacts } from '#domain/disk/facts.ts';
import { planDisk, type DiskPlan } from '#domain/disk/plan.ts';
import { ruleWords, type DiskKind, type DiskRules } from '#domain/disk/rules.ts';
import { FactFinder } from '#engine/disk/fact-finder.ts';
import { MeasuredSizes } from '#engine/disk/measured-sizes.ts';
import type { DiskCollector } from './collector.ts';
import type { DiskParts } from './parts.ts';

export interface UsedItem {
  name: string;
  size: number;
  /** Why it stays, or that it may go. */
  state: string;
}

export interface UsageRow {
  kind: DiskKind;
  count: number;
  /** In use. */
  active: number;
  size: number;
  /** Bytes that removing all that nothing uses would free. */
  reclaimable: number;
  /** Bytes that it may come to, where there is such a limit. */
  limit?: number;
  rule: string;
  items: UsedItem[];
}

export interface DiskUsage {
  total: number;
  free: number;
  keepFree: number;
  /** Seconds between two collections; 0: only by hand. */
  period: number;
  rows: UsageRow[];
}

type Row = Omit<UsageRow, 'kind' | 'rule'>;

interface Found {
  rules: DiskRules;
  images: readonly ImageFacts[];
  /** Of all that nothing uses. */
  unused: DiskPlan;
  /** The blobs and snapshots that are counted already. */
  seen: Set<string>;
}

const total = (items: readonly { size: number }[]): number => items.reduce((sum, { size }) => sum + size, 0);

/** What takes the disk, and the rules that keep it from filling up. */
export class Usage {
  readonly #parts: DiskParts;
  readonly #collector: DiskCollector;
  readonly #facts: FactFinder;
  readonly #containers: MeasuredSizes;
  readonly #volumes: MeasuredSizes;

  constructor(parts: DiskParts, collector: DiskCollector) {
    this.#parts = parts;
    this.#collector = collector;
    this.#facts = new FactFinder(parts);
    this.#containers = new MeasuredSizes(parts.clock);
    this.#volumes = new MeasuredSizes(parts.clock);
  }

  async show(): Promise<DiskUsage> {
    const rules = await this.#collector.rules();
    const facts = await this.#facts.find(rules.free);
    const found = {
      rules,
      images: facts.images,
      unused: planDisk(facts, rules, 'unused'),
      seen: new Set<string>(),
    };
    const rows: [DiskKind, Row][] = [
      ['images', this.#images(found)],
      ['containers', await this.#ofContainers()],
      ['volumes', await this.#ofVolumes()],
      ['build-cache', this.#cache(found)],
      ['sources', this.#sources(rules)],
      ['logs', await this.#logs()],
      ['registry', this.#registry(found)],
      ['temporary', await this.#temporary()],
    ];
    const { total: all, free, keepFree } = rules;
    return {
      ...{ total: all, free, keepFree, period: this.#parts.settings.period },
      rows: rows.map(([kind, row]) => ({ kind, ...row, rule: ruleWords(kind, rules) })),
    };
  }

  /** A blob or a snapshot that images share counts once, for the first of them. */
  #images({ images, unused, seen }: Found): Row {
    const steps = this.#steps();
    const items = images
      .filter(({ id, names }) => names.length > 0 || !steps.has(id))
      .map(({ id, names, parts, kept }) => ({
        ...{ name: names[0] ?? shortId(id), size: counting(parts, seen) },
        state: kept ?? 'not in use',
      }));
    const active = images.filter(({ kept }) => kept !== undefined).length;
    return { ...{ count: items.length, active, size: total(items), items }, ...freed(unused, 'image') };
  }

  /** Images without a name that are nothing but steps of the build cache. */
  #steps(): Set<string> {
    const entries = this.#parts.builds.cacheEntries();
    return new Set(entries.flatMap(({ imageId, shared }) => (shared ? [] : [imageId])));
  }

  async #ofContainers(): Promise<Row> {
    const { containers, snapshotter } = this.#parts;
    const all = containers.list();
    const sizes = await this.#containers.of(
      all.map(({ id }) => id),
      (id) => snapshotter.usage(id).catch(() => 0),
    );
    const items = all.map((container) => ({
      ...{ name: container.name, size: sizes.get(container.id) ?? 0 },
      state: isActive(container) ? 'in use' : 'not in use',
    }));
    return counted(items);
  }

  async #ofVolumes(): Promise<Row> {
    const { volumes } = this.#parts;
    const names = volumes.list().map(({ name }) => name);
    const sizes = await this.#volumes.of(names, (name) => volumes.usage(name).catch(() => 0));
    const items = names.map((name) => ({
      ...{ name, size: sizes.get(name) ?? 0 },
      state: volumes.users(name).length > 0 ? 'in use' : 'not in use',
    }));
    return counted(items);
  }

  /** Without what it has in common with images that have a name. */
  #cache({ rules, images, unused, seen }: Found): Row {
    const parts = new Map(images.map((image) => [image.id, image.parts]));
    const entries = this.#parts.builds.cacheEntries();
    const free = new Set(unused.items.flatMap(({ kind, id }) => (kind === 'cache' ? [id] : [])));
    const items = entries.map(({ id, imageId, description, size }) => ({
      name: description === '' ? id : description,
      size: imageId === '' ? size : counting(parts.get(imageId) ?? new Map(), seen),
      state: free.has(id) ? 'not in use' : 'in use',
    }));
    const { count, active, size } = counted(items);
    return { ...{ count, active, size, items, limit: rules.buildCache }, ...freed(unused, 'cache') };
  }

  #sources(rules: DiskRules): Row {
    const items = this.#parts.sources.keptContexts().map(({ id, names, size }) => ({
      name: names.length === 0 ? id : names.map(familiarName).join(', '),
      ...{ size, state: names.length === 0 ? 'of a build under way' : 'can be built again from it' },
    }));
    return { ...counted(items), limit: rules.sources };
  }

  async #logs(): Promise<Row> {
    const { containers, logs } = this.#parts;
    const items: UsedItem[] = [];
    let limit = 0;
    for (const { id, name, hostConfig } of containers.list()) {
      const { maxBytes, maxFiles } = logLimits(hostConfig.LogConfig);
      limit += maxBytes * maxFiles;
      items.push({ name, size: await logs.size(id).catch(() => 0), state: 'of a container' });
    }
    const { length: count } = items;
    return { ...{ count, active: count, size: total(items), reclaimable: 0, items }, limit };
  }

  #registry({ images, unused }: Found): Row {
    const { registry } = this.#parts;
    const ofImages = new Set(images.flatMap(({ parts }) => [...parts.keys()]));
    const items = [...registry.storedBlobs()].map(([digest, size]) => ({
      ...{ name: digest, size },
      state: ofImages.has(`blob ${digest}`) ? 'in common with an image' : 'of the registry',
    }));
    const { length: count } = registry.repositories();
    return { ...{ count, active: count, size: total(items), items }, ...freed(unused, 'registry') };
  }

  async #temporary(): Promise<Row> {
    const parts = await this.#facts.temporary();
    return counted(
      parts.map(({ kind, id, name = id, size, inUse }) => ({
        ...{ name: `${kind} ${name}`, size },
        state: inUse ? (kind === 'upload' ? 'may be gone on with' : 'in use') : 'not in use',
      })),
    );
  }
}

/** Bytes of the parts that were not counted yet. */
function counting(parts: ImageFacts['parts'], seen: Set<string>): number {
  let bytes = 0;
  for (const [part, size] of parts) {
    if (seen.has(part)) continue;
    seen.add(part);
    bytes += size;
  }
  return bytes;
}

function counted(items: UsedItem[]): Row {
  const idle = items.filter(({ state }) => state === 'not in use');
  const { length: count } = items;
  return { count, active: count - idle.length, size: total(items), reclaimable: total(idle), items };
}

function freed({ items }: DiskPlan, kind: string): { reclaimable: number } {
  return { reclaimable: items.reduce((sum, item) => sum + (item.kind === kind ? item.bytes : 0), 0) };
}
