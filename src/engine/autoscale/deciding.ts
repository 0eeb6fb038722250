import type { Service } from '#domain/app/model.ts';
import { decide, type Decision } from '#domain/autoscale/decide.ts';
import type { Autoscale } from '#domain/autoscale/model.ts';
import { demandOf, type Demand } from '#domain/capacity/demand.ts';
import { roomFor, totalOf } from '#domain/capacity/fit.ts';
import type { Container } from '#domain/container/container.ts';
import type { HostCapacity } from '#engine/capacity/host-capacity.ts';
import type { Containers } from '#engine/contracts/containers.ts';
import type { Ingress } from '#engine/contracts/ingress.ts';
import type { BackendLoad } from '#ports/balancer.ts';
import type { ScaleHistory } from './history.ts';
import { Measuring, type Measured, type MeasuringParts } from './measuring.ts';

export interface DecidingParts extends MeasuringParts {
  containers: Pick<Containers, 'list' | 'usage'>;
  ingress: Pick<Ingress, 'load'>;
  capacity: HostCapacity;
  report: (problem: string, error: unknown) => void;
}

/** A service that is autoscaled, as it is to be now. */
export interface Scaled {
  /** APP/SERVICE */
  key: string;
  app: string;
  service: Service;
  rules: Autoscale;
  current: number;
}

export type Decided = Scaled & { decision: Decision; measured: Measured };

/** How many replicas services are to have, from what they do, what was asked for before, and what room there is. */
export class Deciding {
  readonly #parts: DecidingParts;
  readonly #history: ScaleHistory;
  readonly #measuring: Measuring;
  readonly #signal: AbortSignal;

  /** @param signal ends readings */
  constructor(parts: DecidingParts, history: ScaleHistory, signal: AbortSignal) {
    this.#parts = parts;
    this.#history = history;
    this.#signal = signal;
    this.#measuring = new Measuring(parts);
  }

  /** Of services and containers that are gone nothing is kept. */
  retain(services: ReadonlySet<string>): void {
    this.#history.retain(services);
    const ids = services.size === 0 ? [] : this.#parts.containers.list().map(({ id }) => id);
    this.#measuring.retain(new Set(ids), services);
  }

  /**
   * Measures all, then decides one after the other, since they share what room there is.
   * @param keep what was measured and decided, for later decisions
   */
  async decide(scaled: readonly Scaled[], keep: boolean): Promise<Decided[]> {
    if (scaled.length === 0) return [];
    const { capacity } = this.#parts;
    const total = await capacity.total();
    const measured = await this.#measure(scaled, total, keep);
    const reserved = totalOf(capacity.holdings());
    const free = { memory: total.memory - reserved.memory, cpus: total.cpus - reserved.cpus };
    const now = this.#parts.clock.now();
    return scaled.map((one, index) => {
      const readings = measured[index] ?? { measurements: [], notes: [] };
      const decision = this.#decideOne(one, readings, free, now, keep);
      const more = decision.replicas - one.current;
      const demand = demandOf(one.service);
      free.memory -= Math.max(0, more) * demand.memory;
      free.cpus -= Math.max(0, more) * demand.cpus;
      return { ...one, decision, measured: readings };
    });
  }

  #decideOne(
    { key, rules, current, service }: Scaled,
    { measurements }: Measured,
    free: Demand,
    now: number,
    keep: boolean,
  ): Decision {
    if (keep) this.#history.see(key, current, rules, now);
    const room = roomFor(demandOf(service), free);
    const decision = decide({
      ...{ rules, current, measurements, now },
      recommendations: this.#history.recommendations(key),
      events: this.#history.changes(key),
      room: { most: current + room.more, missing: room.missing },
    });
    const { recommended } = decision;
    if (keep && recommended !== undefined)
      this.#history.recommend(key, { at: now, replicas: recommended }, rules);
    return decision;
  }

  async #measure(scaled: readonly Scaled[], total: Demand, keep: boolean): Promise<Measured[]> {
    const { containers } = this.#parts;
    const members = Map.groupBy(containers.list().filter(isMember), ({ identity }) =>
      identity === undefined ? '' : `${identity.app}/${identity.service}`,
    );
    const asksIngress = scaled.some(
      ({ rules }) => rules.inFlight !== undefined || rules.requestsPerSecond !== undefined,
    );
    const loads = asksIngress ? await this.#loads() : new Map<string, BackendLoad>();
    return Promise.all(
      scaled.map(({ key, app, service }) => {
        const replicas = members.get(key) ?? [];
        const one = { app, service, replicas, load: loads.get(key), machineMemory: total.memory };
        return this.#measuring.measure(one, keep, this.#signal);
      }),
    );
  }

  #loads(): Promise<ReadonlyMap<string, BackendLoad>> {
    return this.#parts.ingress.load().catch((error: unknown) => {
      this.#parts.report('the load of ingress cannot be read', error);
      return new Map();
    });
  }
}

/** Who counts as a replica: it runs and is neither on its way in nor out. */
function isMember({ identity, state, traffic }: Container): boolean {
  return (
    identity !== undefined &&
    identity.run === undefined &&
    state.status === 'running' &&
    traffic === undefined
  );
}
