import { planDisk, type DiskGoal, type DiskPlan, type PlannedItem } from '#domain/disk/plan.ts';
import { rulesOf, type DiskRules } from '#domain/disk/rules.ts';
import { formatDecimalBytes } from '#domain/units/bytes.ts';
import { FactFinder } from '#engine/disk/fact-finder.ts';
import type { DiskParts } from '#engine/disk/parts.ts';
import { standardCollection } from '#engine/registry/registry.ts';

/** Milliseconds between two looks at the free space while something is brought in or built. */
const watchMs = 250;
/** Before the next look when nothing more could be removed. */
const resignMs = 2000;

/** Keeps the disk from filling up. */
export class DiskCollector {
  readonly #parts: DiskParts;
  readonly #facts: FactFinder;
  readonly #closed = new AbortController();
  #isShort = false;
  /** What `#promised` says, as long as blobs stay. */
  #awaited = 0;
  #wake = Promise.withResolvers<void>();
  #collecting: Promise<unknown> = Promise.resolve();
  #running = Promise.resolve();

  constructor(parts: DiskParts) {
    this.#parts = parts;
    this.#facts = new FactFinder(parts);
  }

  start(): void {
    const { contents, uses, settings, report } = this.#parts;
    const { signal } = this.#closed;
    if (settings.period === 0) return;
    contents.whenWorking(() => {
      this.#wake.resolve();
    });
    const follow = uses.follow(signal);
    const run = this.#run().catch((error: unknown) => report('the disk is not watched any more', error));
    this.#running = Promise.all([follow, run]).then(() => undefined);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#wake.resolve();
    await this.#running;
    await this.#collecting;
  }

  /** Whether it removes things without being asked. */
  get isAutomatic(): boolean {
    return this.#parts.settings.period > 0;
  }

  async rules(): Promise<DiskRules & { total: number; free: number }> {
    const { space, settings, keep } = this.#parts;
    const { total, free } = await space.measure();
    return { ...rulesOf(settings, keep, total), total, free };
  }

  /** What `collect` would remove now. */
  async plan(goal: DiskGoal): Promise<DiskPlan> {
    const rules = await this.rules();
    return planDisk(await this.#facts.find(rules.free + this.#promised), rules, goal);
  }

  /** Removes what is to go, and nothing else; one at a time. Gives what it was. */
  collect(goal: DiskGoal): Promise<DiskPlan> {
    const collected = this.#collecting.then(() => this.#collect(goal));
    this.#collecting = collected.catch(() => undefined);
    return collected;
  }

  async #collect(goal: DiskGoal): Promise<DiskPlan> {
    const { tell, events, snapshotter, contents, space } = this.#parts;
    // Room that is coming free anyway needs nothing further to go.
    await snapshotter.settled();
    const plan = await this.plan(goal);
    if (plan.items.length === 0) return plan;
    for (const [kind, items] of runsOf(plan.items)) await this.#remove(kind, items);
    await snapshotter.settled();
    const missing = plan.free + plan.bytes - (await space.measure()).free;
    if (contents.isOpenEnded) this.#awaited = Math.max(0, Math.min(missing, this.#awaited + plan.bytes));
    const { bytes, free, short } = plan;
    tell(`removed ${plan.items.length} things that nobody uses, of ${formatDecimalBytes(bytes)}`, {
      ...{ bytes, free, short },
      removed: plan.items.map(({ name, why }) => `${name}: ${why}`),
    });
    events.emit('daemon', 'collect', '', { bytes: String(bytes), items: String(plan.items.length) });
    return plan;
  }

  async #remove(kind: PlannedItem['kind'], items: readonly PlannedItem[]): Promise<void> {
    const { images, contents, builds, registry, sessions, sources, packages } = this.#parts;
    const ids = new Set(items.map(({ id }) => id));
    if (kind === 'image') await images.prune({ all: true, parents: false, accepts: ({ id }) => ids.has(id) });
    else if (kind === 'cache') await builds.prune(({ id }) => ids.has(id));
    else if (kind === 'registry') await registry.collect(standardCollection, false);
    else if (kind === 'source') await sources.removeContexts((id) => ids.has(id));
    else if (kind === 'upload') await this.#removeUploads(ids);
    else if (kind === 'packages') await packages.removeKept((id) => ids.has(id));
    else if (kind === 'context') await sessions.removeKept((id) => ids.has(id));
    else await contents.removePartial((digest) => ids.has(digest));
  }

  async #removeUploads(ids: ReadonlySet<string>): Promise<void> {
    const { registry, clock } = this.#parts;
    for (const id of ids) await registry.uploads.expire(id, clock.now());
  }

  /** By the clock; while something is brought in or built also when too little is free. */
  async #run(): Promise<void> {
    const { clock, settings } = this.#parts;
    let next = clock.now() + settings.period * 1000;
    while (await this.#rest(next)) {
      const isDue = clock.now() >= next;
      if (isDue) next = clock.now() + settings.period * 1000;
      await this.#look(isDue);
    }
  }

  /** False: it is over. */
  async #rest(until: number): Promise<boolean> {
    const { clock, contents } = this.#parts;
    const wait = Math.max(0, until - clock.now());
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#closed.signal]);
    const slept = clock
      .sleep(contents.isWorking ? Math.min(watchMs, wait) : wait, signal)
      .catch(() => undefined);
    await Promise.race([slept, this.#wake.promise]);
    over.abort();
    this.#wake = Promise.withResolvers();
    return !this.#closed.signal.aborted;
  }

  async #look(isDue: boolean): Promise<void> {
    const { report, clock } = this.#parts;
    const { signal } = this.#closed;
    try {
      const { free, keepFree } = await this.rules();
      if (!isDue && free + this.#promised >= keepFree) return;
      const { items, short } = await this.collect('rules');
      this.#warn(short);
      if (items.length === 0 && short > 0) await clock.sleep(resignMs, signal).catch(() => undefined);
    } catch (error) {
      report('what nobody uses could not be removed', error);
    }
  }

  /** Bytes that are free once what is being brought in is there: blobs stay until then. */
  get #promised(): number {
    if (!this.#parts.contents.isOpenEnded) this.#awaited = 0;
    return this.#awaited;
  }

  /** Told once, until there is room again. */
  #warn(short: number): void {
    if (short > 0 && !this.#isShort)
      this.#parts.tell('too little is free, and nothing more can be removed', { short });
    this.#isShort = short > 0;
  }
}

/** Items of one kind that follow each other go together. */
function runsOf(items: readonly PlannedItem[]): [PlannedItem['kind'], PlannedItem[]][] {
  const runs: [PlannedItem['kind'], PlannedItem[]][] = [];
  for (const item of items) {
    const last = runs.at(-1);
    if (last?.[0] === item.kind) last[1].push(item);
    else runs.push([item.kind, [item]]);
  }
  return runs;
}
