import { messageOf } from '#base/errors.ts';
import { isReady } from '#domain/app/ready.ts';
import type { Service } from '#domain/app/model.ts';
import { metricValue } from '#domain/autoscale/exposition.ts';
import type { MetricTarget, UsageTarget } from '#domain/autoscale/model.ts';
import type { Measurement, ReplicaSample } from '#domain/autoscale/proposal.ts';
import { cpuLimitOf } from '#domain/capacity/demand.ts';
import type { Container } from '#domain/container/container.ts';
import type { Containers } from '#engine/contracts/containers.ts';
import type { ServiceEndpoint, Services } from '#engine/contracts/services.ts';
import { addressOf } from '#engine/ingress/servers.ts';
import type { BackendLoad } from '#ports/balancer.ts';
import type { CgroupUsage } from '#ports/cgroups.ts';
import type { Clock } from '#ports/clock.ts';
import type { MetricSource } from '#ports/metric-source.ts';

const patienceMs = 5000;

export interface MeasuringParts {
  clock: Pick<Clock, 'now'>;
  containers: Pick<Containers, 'usage'>;
  services: Pick<Services, 'ready'>;
  metrics: MetricSource;
}

export interface MeasuredService {
  app: string;
  service: Service;
  /** Those that run and are not on their way out. */
  replicas: readonly Container[];
  /** What came through ingress; undefined when that is not known. */
  load: BackendLoad | undefined;
  /** Bytes. */
  machineMemory: number;
}

export interface Measured {
  measurements: Measurement[];
  /** What the targets are shares of, and what could not be read: for people. */
  notes: string[];
}

interface Count {
  count: number;
  at: number;
}

/** Reads what services do. What grows (processor time, requests) is a rate since the last reading that was kept. */
export class Measuring {
  readonly #parts: MeasuringParts;
  /** Nanoseconds of processor time by container. */
  readonly #cpu = new Map<string, Count>();
  /** Requests by APP/SERVICE. */
  readonly #requests = new Map<string, Count>();

  constructor(parts: MeasuringParts) {
    this.#parts = parts;
  }

  /** @param keep the readings, as where the next rates begin */
  async measure(measured: MeasuredService, keep: boolean, signal: AbortSignal): Promise<Measured> {
    const { cpu, memory, metric } = measured.service.autoscale ?? {};
    const notes: string[] = [];
    const measurements: Measurement[] = [];
    if (cpu !== undefined || memory !== undefined) {
      const usages = await this.#usages(measured.replicas);
      const rates = this.#rates(usages, keep);
      if (cpu !== undefined) measurements.push(cpuMeasurement(cpu, measured, rates, notes));
      if (memory !== undefined) measurements.push(memoryMeasurement(memory, measured, usages, notes));
    }
    measurements.push(...this.#fromIngress(measured, keep));
    if (metric !== undefined) measurements.push(await this.#ownMetric(metric, measured, notes, signal));
    return { measurements, notes };
  }

  /** Of containers and services that are gone nothing is kept. */
  retain(containers: ReadonlySet<string>, services: ReadonlySet<string>): void {
    for (const id of this.#cpu.keys()) if (!containers.has(id)) this.#cpu.delete(id);
    for (const key of this.#requests.keys()) if (!services.has(key)) this.#requests.delete(key);
  }

  async #usages(replicas: readonly Container[]): Promise<Map<string, CgroupUsage>> {
    const { containers } = this.#parts;
    const usages = await Promise.all(
      replicas.map(async ({ id }) => [id, (await containers.usage(id))?.cgroup] as const),
    );
    return new Map(usages.flatMap(([id, usage]) => (usage === undefined ? [] : [[id, usage]])));
  }

  /** Cores in use; of a container that was not read before there is none yet. */
  #rates(usages: ReadonlyMap<string, CgroupUsage>, keep: boolean): Map<string, number> {
    const at = this.#parts.clock.now();
    const rates = new Map<string, number>();
    for (const [id, { cpu }] of usages) {
      const rate = rateOf(this.#cpu.get(id), { count: cpu.totalNanos, at });
      if (rate !== undefined) rates.set(id, rate / 1e9);
      if (keep) this.#cpu.set(id, { count: cpu.totalNanos, at });
    }
    return rates;
  }

  #fromIngress({ app, service, load }: MeasuredService, keep: boolean): Measurement[] {
    const { inFlight, requestsPerSecond } = service.autoscale ?? {};
    const key = `${app}/${service.name}`;
    const measurements: Measurement[] = [];
    if (requestsPerSecond !== undefined) {
      const next = load === undefined ? undefined : { count: load.requests, at: this.#parts.clock.now() };
      const value = next === undefined ? undefined : rateOf(this.#requests.get(key), next);
      if (keep && next !== undefined) this.#requests.set(key, next);
      measurements.push({ kind: 'total', metric: 'requests_per_second', target: requestsPerSecond, value });
    }
    if (inFlight !== undefined)
      measurements.push({ kind: 'total', metric: 'in_flight', target: inFlight, value: load?.inFlight });
    return measurements;
  }

  async #ownMetric(
    metric: MetricTarget,
    { app, service, replicas }: MeasuredService,
    notes: string[],
    signal: AbortSignal,
  ): Promise<Measurement> {
    const { name, kind, target } = metric;
    const ready = this.#parts.services.ready(app, service.name);
    const values = new Map<string, number | undefined>();
    await Promise.all(
      ready.map(async (one) => values.set(one.containerId, await this.#scrape(metric, one, notes, signal))),
    );
    if (kind === 'average') {
      const samples = replicas.map(({ id }) => ({ isReady: values.has(id), value: values.get(id) }));
      return { kind: 'replicas', metric: name, target, missingAs: target, samples };
    }
    const known = [...values.values()].flatMap((value) => value ?? []);
    const value = known.length === 0 ? undefined : Math.max(...known);
    return { kind: 'value', metric: name, target, value, ready: known.length };
  }

  async #scrape(
    metric: MetricTarget,
    { containerName, endpoints }: ServiceEndpoint,
    notes: string[],
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { name, port, path } = metric;
    const address = addressOf(endpoints);
    try {
      if (address === undefined) throw new Error('this machine has no address in its networks');
      const text = await this.#parts.metrics.read({ address, port, path }, patienceMs, signal);
      const value = metricValue(text, metric);
      if (value === undefined)
        notes.push(`${containerName} exposes no number under ${name} with these labels`);
      return value;
    } catch (error) {
      signal.throwIfAborted();
      notes.push(`${containerName}: ${messageOf(error)}`);
      return undefined;
    }
  }
}

/** For each second; undefined without a beginning, and when the counter began anew. */
function rateOf(before: Count | undefined, now: Count): number | undefined {
  if (before === undefined || now.at <= before.at || now.count < before.count) return undefined;
  return ((now.count - before.count) / (now.at - before.at)) * 1000;
}

function samplesOf(
  replicas: readonly Container[],
  value: (id: string) => number | undefined,
): ReplicaSample[] {
  return replicas.map((one) => ({ isReady: isReady(one), value: value(one.id) }));
}

function cpuMeasurement(
  target: UsageTarget,
  { service, replicas }: MeasuredService,
  rates: ReadonlyMap<string, number>,
  notes: string[],
): Measurement {
  const samples = samplesOf(replicas, (id) => rates.get(id));
  const common = { kind: 'replicas', metric: 'cpu', samples } as const;
  if ('amount' in target) return { ...common, target: target.amount, missingAs: target.amount };
  const reserved = service.deploy?.reservations?.cpus;
  const limit = cpuLimitOf(service.host);
  const whole = reserved ?? limit ?? 1;
  const what =
    reserved !== undefined
      ? 'the reservation'
      : limit !== undefined
        ? 'the limit'
        : 'one core, for it has neither reservation nor limit';
  notes.push(
    `cpu is in cores: the target is ${percent(target.share)} of ${what}${(reserved ?? limit) ? ` of ${whole}` : ''}`,
  );
  return { ...common, target: whole * target.share, missingAs: whole * Math.max(1, target.share) };
}

function memoryMeasurement(
  target: UsageTarget,
  { service, replicas, machineMemory }: MeasuredService,
  usages: ReadonlyMap<string, CgroupUsage>,
  notes: string[],
): Measurement {
  const samples = samplesOf(replicas, (id) => {
    const memory = usages.get(id)?.memory;
    return memory === undefined ? undefined : Math.max(0, memory.usage - memory.cache);
  });
  const common = { kind: 'replicas', metric: 'memory', samples } as const;
  if ('amount' in target) return { ...common, target: target.amount, missingAs: target.amount };
  const reserved = service.deploy?.reservations?.memory ?? service.host.MemoryReservation;
  const limit = service.host.Memory;
  const whole = reserved ?? limit ?? machineMemory;
  const what =
    reserved !== undefined
      ? 'the reservation'
      : limit !== undefined
        ? 'the limit'
        : 'the machine, for it has neither reservation nor limit';
  notes.push(`memory is in bytes: the target is ${percent(target.share)} of ${what}, ${whole}`);
  return { ...common, target: whole * target.share, missingAs: whole * Math.max(1, target.share) };
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))}%`;
}
