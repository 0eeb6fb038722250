import { nothingUsed, type UsageRecord, type UsageSample } from '#domain/advise/usage.ts';
import type { Container } from '#domain/container/container.ts';
import type { Containers } from '#engine/contracts/containers.ts';
import { pause } from '#engine/pause.ts';
import type { CgroupUsage } from '#ports/cgroups.ts';
import type { Clock } from '#ports/clock.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

export interface SamplerParts {
  containers: Pick<Containers, 'list' | 'usage'>;
  store: StateStore;
  clock: Clock;
  /** Seconds between two looks. */
  period: number;
  report: (problem: string, error: unknown) => void;
}

/** 6 hours of looks every 60 seconds. */
const keptSamples = 360;
/** What is measured is written down only now and then: a crash costs a few looks. */
const looksPerWrite = 10;

interface Before {
  at: number;
  cpuNanos: number;
  periods: number;
  throttledPeriods: number;
  oomKills: number;
}

/** Looks now and then at what the services of all apps use, and keeps the latest looks, by APP/SERVICE. */
export class Sampler {
  readonly #parts: SamplerParts;
  readonly #stored: Collection<UsageRecord>;
  readonly #records: Map<string, UsageRecord>;
  /** The last reading of each container. */
  readonly #before = new Map<string, Before>();
  readonly #closed = new AbortController();
  /** Milliseconds since 1970. */
  readonly #began: number;
  #looks = 0;

  constructor(parts: SamplerParts) {
    this.#parts = parts;
    this.#stored = parts.store.collection<UsageRecord>('usage');
    this.#records = new Map(this.#stored.entries());
    this.#began = parts.clock.now();
  }

  /** To be called when the containers of before have been taken over. */
  start(): void {
    void this.#run();
  }

  /** What was measured is kept. */
  close(): void {
    this.#closed.abort(new Error('the daemon ends'));
    this.#write();
  }

  of(app: string, service: string): UsageRecord {
    return this.#records.get(`${app}/${service}`) ?? nothingUsed;
  }

  /** One look at every replica that runs. */
  async look(): Promise<void> {
    const members = this.#parts.containers.list().filter(isMember);
    const ids = new Set(members.map(({ id }) => id));
    for (const id of this.#before.keys()) if (!ids.has(id)) this.#before.delete(id);
    const services = Map.groupBy(
      members,
      ({ identity }) => `${identity?.app ?? ''}/${identity?.service ?? ''}`,
    );
    for (const [key, replicas] of services) await this.#lookAt(key, replicas);
    this.#looks += 1;
    if (this.#looks % looksPerWrite === 0) this.#write();
  }

  async #run(): Promise<void> {
    const { clock, period, report } = this.#parts;
    const { signal } = this.#closed;
    while (await pause(clock, period * 1000, signal))
      await this.look().catch((error: unknown) => report('the use of services could not be measured', error));
  }

  async #lookAt(key: string, replicas: readonly Container[]): Promise<void> {
    let record = this.#records.get(key) ?? nothingUsed;
    let most: UsageSample | undefined;
    for (const replica of replicas) {
      const usage = (await this.#parts.containers.usage(replica.id))?.cgroup;
      if (usage === undefined) continue;
      const seen = this.#difference(replica, usage);
      record = {
        ...record,
        memoryPeak: Math.max(record.memoryPeak, peakWithoutCache(usage)),
        throttled: {
          periods: record.throttled.periods + seen.periods,
          throttledPeriods: record.throttled.throttledPeriods + seen.throttledPeriods,
        },
        oomKills: record.oomKills + seen.oomKills,
      };
      if (seen.sample === undefined) continue;
      const { memory, cpus, pids } = seen.sample;
      most = {
        memory: Math.max(most?.memory ?? 0, memory),
        cpus: Math.max(most?.cpus ?? 0, cpus),
        pids: Math.max(most?.pids ?? 0, pids),
      };
    }
    const samples = most === undefined ? record.samples : [...record.samples, most].slice(-keptSamples);
    this.#records.set(key, { ...record, samples });
  }

  /** What came since the last look; of a container that is new there is no rate yet. */
  #difference(
    { id, state }: Container,
    { cpu, memory, pids, oomKills }: CgroupUsage,
  ): { sample?: UsageSample; periods: number; throttledPeriods: number; oomKills: number } {
    const at = this.#parts.clock.now();
    const before = this.#before.get(id);
    const { totalNanos: cpuNanos, periods, throttledPeriods } = cpu;
    this.#before.set(id, { at, cpuNanos, periods, throttledPeriods, oomKills });
    // An earlier daemon has counted what a container of its time did.
    if (before === undefined && Date.parse(state.startedAt) < this.#began)
      return { periods: 0, throttledPeriods: 0, oomKills: 0 };
    // A restarted container counts anew.
    if (before === undefined || cpuNanos < before.cpuNanos) return { periods, throttledPeriods, oomKills };
    const since = {
      periods: periods - before.periods,
      throttledPeriods: throttledPeriods - before.throttledPeriods,
      oomKills: oomKills - before.oomKills,
    };
    if (at <= before.at) return since;
    const cpus = (cpuNanos - before.cpuNanos) / 1e6 / (at - before.at);
    return {
      ...since,
      sample: { memory: Math.max(0, memory.usage - memory.cache), cpus, pids: pids.current },
    };
  }

  #write(): void {
    const names = new Set(
      this.#parts.containers
        .list()
        .map(({ identity }) => `${identity?.app ?? ''}/${identity?.service ?? ''}`),
    );
    this.#parts.store.transaction(() => {
      for (const [key, record] of this.#records)
        if (names.has(key)) this.#stored.note(key, record);
        else {
          this.#records.delete(key);
          this.#stored.delete(key);
        }
    });
  }
}

/** The kernel's peak has the page cache in it, which is no need: what can be dropped now is taken off. */
function peakWithoutCache({ memory }: CgroupUsage): number {
  return Math.max(0, memory.peak - memory.cache);
}

function isMember({ identity, state }: Container): boolean {
  return identity !== undefined && identity.run === undefined && state.status === 'running';
}
