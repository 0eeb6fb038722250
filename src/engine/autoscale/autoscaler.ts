import { messageOf, notFound } from '#base/errors.ts';
import type { AppModel, Service } from '#domain/app/model.ts';
import { autoscaling, countOf } from '#domain/app/scale.ts';
import { decide, type Decision } from '#domain/autoscale/decide.ts';
import type { Autoscale } from '#domain/autoscale/model.ts';
import { demandOf, type Demand } from '#domain/capacity/demand.ts';
import { roomFor, totalOf } from '#domain/capacity/fit.ts';
import type { Container } from '#domain/container/container.ts';
import type { Apps } from '#engine/apps/apps.ts';
import type { HostCapacity } from '#engine/capacity/host-capacity.ts';
import type { Containers } from '#engine/contracts/containers.ts';
import type { Events } from '#engine/contracts/events.ts';
import type { Ingress } from '#engine/contracts/ingress.ts';
import type { BackendLoad } from '#ports/balancer.ts';
import type { Clock } from '#ports/clock.ts';
import type { StateStore } from '#ports/state-store.ts';
import { ScaleHistory, type ScaleChange } from './history.ts';
import { Measuring, type Measured, type MeasuringParts } from './measuring.ts';

export interface AutoscalerParts extends MeasuringParts {
  apps: Pick<Apps, 'names' | 'record' | 'locks' | 'failures' | 'restore'>;
  containers: Pick<Containers, 'list' | 'usage'>;
  ingress: Pick<Ingress, 'load'>;
  capacity: HostCapacity;
  store: StateStore;
  clock: Clock;
  events: Events;
  /** Seconds between two looks. */
  period: number;
  report: (problem: string, error: unknown) => void;
}

/** What is known of a service that is autoscaled. */
export interface AutoscaleView {
  app: string;
  service: string;
  rules: Autoscale;
  /** What a look at this moment gives; what follows from it happens at the next regular one. */
  decision: Decision;
  notes: string[];
  /** Why nothing is changed at present. */
  paused?: string;
  changes: readonly ScaleChange[];
}

interface Scaled {
  key: string;
  app: string;
  service: Service;
  rules: Autoscale;
  current: number;
}

type Decided = Scaled & { decision: Decision; measured: Measured };

/** Seconds that new replicas may take to become ready. */
const patience = 300;
const longestPauseMs = 600_000;

/** Gives services that ask for it as many replicas as what they do requires. Each look starts from what is. */
export class Autoscaler {
  readonly #parts: AutoscalerParts;
  readonly #history: ScaleHistory;
  readonly #measuring: Measuring;
  readonly #closed = new AbortController();
  /** Apps that are being changed. */
  readonly #working = new Set<string>();
  /** Apps whose change failed: how often, and until when they are left alone. */
  readonly #failed = new Map<string, { count: number; until: number; reason: string }>();

  constructor(parts: AutoscalerParts) {
    this.#parts = parts;
    this.#history = new ScaleHistory(parts.store);
    this.#measuring = new Measuring(parts);
  }

  /** To be called when the containers of before have been taken over. */
  start(): void {
    void this.#run();
  }

  close(): void {
    this.#closed.abort(new Error('the daemon ends'));
  }

  /** Sorted by app and service. */
  async list(): Promise<AutoscaleView[]> {
    const scaled = this.#scaled().toSorted((a, b) => (a.key < b.key ? -1 : 1));
    return (await this.#decide(scaled, false)).map((one) => this.#view(one));
  }

  /** @throws not-found `autoscale-missing` */
  async explain(app: string, service: string): Promise<AutoscaleView> {
    const scaled = this.#scaled().filter((one) => one.app === app && one.service.name === service);
    const [decided] = await this.#decide(scaled, false);
    if (decided !== undefined) return this.#view(decided);
    throw notFound('autoscale-missing', `the app ${app} has no service '${service}' that is autoscaled`, {
      hint: 'berth autoscale ls lists those that are',
    });
  }

  /** One look at all services that are autoscaled; resolves when every change that follows has been made. */
  async look(): Promise<void> {
    const scaled = this.#scaled();
    const keys = new Set(scaled.map(({ key }) => key));
    this.#history.retain(keys);
    const ids = scaled.length === 0 ? [] : this.#parts.containers.list().map(({ id }) => id);
    this.#measuring.retain(new Set(ids), keys);
    const free = scaled.filter((one) => this.#pause(one) === undefined);
    const decided = await this.#decide(free, true);
    const changes = Map.groupBy(
      decided.filter(({ decision, current }) => decision.replicas !== current),
      ({ app }) => app,
    );
    await Promise.all([...changes].map(([app, all]) => this.#apply(app, all)));
  }

  async #run(): Promise<void> {
    const { clock, period, report } = this.#parts;
    const { signal } = this.#closed;
    const slept = (): Promise<boolean> =>
      clock.sleep(period * 1000, signal).then(
        () => true,
        () => false,
      );
    // A change takes as long as its replicas do; the other apps are looked at meanwhile.
    while (await slept())
      void this.look().catch((error: unknown) => {
        if (!signal.aborted) report('services could not be autoscaled', error);
      });
  }

  #scaled(): Scaled[] {
    return this.#parts.apps.names().flatMap((app) => {
      const { target, scale = {} } = this.#parts.apps.record(app) ?? {};
      if (target === undefined) return [];
      return servicesOf(target.model).map(({ service, rules }) => {
        const current = countOf(service, scale[service.name]);
        return { key: `${app}/${service.name}`, app, service, rules, current };
      });
    });
  }

  /** Measures all, then decides one after the other, since they share what room there is. */
  async #decide(scaled: readonly Scaled[], keep: boolean): Promise<Decided[]> {
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
        return this.#measuring.measure(one, keep, this.#closed.signal);
      }),
    );
  }

  #loads(): Promise<ReadonlyMap<string, BackendLoad>> {
    return this.#parts.ingress.load().catch((error: unknown) => {
      this.#parts.report('the load of ingress cannot be read', error);
      return new Map();
    });
  }

  /** Why a service is left as it is. */
  #pause({ app, service }: Scaled): string | undefined {
    const { apps, clock } = this.#parts;
    if (apps.record(app)?.stopped?.includes(service.name) === true) return 'it was stopped by a person';
    if (this.#working.has(app)) return 'it is being scaled';
    const verb = apps.locks.verb(app);
    if (verb !== undefined) return `${verb} is changing the app`;
    const failed = this.#failed.get(app);
    if (failed !== undefined && failed.until > clock.now())
      return `the last change failed (${failed.reason}); the next attempt is at ${new Date(failed.until).toISOString()}`;
    const open = Object.entries(apps.failures.of(app)).find(([, failures]) => failures?.open !== undefined);
    return open === undefined ? undefined : `${open[0]} is given up: ${open[1]?.open?.reason ?? ''}`;
  }

  async #apply(app: string, changes: readonly Decided[]): Promise<void> {
    this.#working.add(app);
    try {
      await this.#parts.apps.locks.tryRun(app, autoscaling, (signal) => this.#scale(app, changes, signal));
    } finally {
      this.#working.delete(app);
    }
  }

  async #scale(app: string, changes: readonly Decided[], signal: AbortSignal): Promise<void> {
    const { apps, events, report } = this.#parts;
    const { target, scale = {} } = apps.record(app) ?? {};
    if (target === undefined) return;
    const next = { ...scale };
    const made = changes.filter(({ service: { name }, current }) => {
      const now = target.model.services[name];
      return now?.autoscale !== undefined && countOf(now, scale[name]) === current;
    });
    for (const { service, decision } of made)
      next[service.name] = { replicas: decision.replicas, inFile: service.replicas, by: autoscaling };
    try {
      const change = { reason: autoscaling, by: autoscaling, timeout: patience, scale: next };
      await apps.restore(app, change, () => undefined, signal);
      for (const one of made) this.#tell(one);
      this.#failed.delete(app);
    } catch (error) {
      // A person's command goes first, or the daemon ends.
      if (signal.aborted || this.#closed.signal.aborted) return;
      this.#hold(app, messageOf(error));
      events.emit('app', 'autoscale-failed', app, { error: messageOf(error) });
      report(`the app ${app} could not be scaled`, error);
    }
  }

  #tell({ key, app, service, decision }: Decided): void {
    const { clock, events } = this.#parts;
    const { current: from, replicas: to } = decision;
    const reason = reasonOf(decision);
    this.#history.changed(key, { at: clock.now(), change: to - from, from, to, reason });
    events.emit('app', 'autoscale', app, {
      service: service.name,
      from: String(from),
      to: String(to),
      reason,
    });
  }

  #hold(app: string, reason: string): void {
    const { clock, period } = this.#parts;
    const count = (this.#failed.get(app)?.count ?? 0) + 1;
    const pause = Math.min(longestPauseMs, period * 1000 * 2 ** count);
    this.#failed.set(app, { count, until: clock.now() + pause, reason });
  }

  #view(decided: Decided): AutoscaleView {
    const { key, app, service, rules, decision, measured } = decided;
    const paused = this.#pause(decided);
    return {
      ...{ app, service: service.name, rules, decision, notes: measured.notes },
      ...(paused === undefined ? {} : { paused }),
      changes: this.#history.changes(key),
    };
  }
}

function servicesOf(model: AppModel): { service: Service; rules: Autoscale }[] {
  return Object.values(model.services).flatMap((service) =>
    service.autoscale === undefined ? [] : [{ service, rules: service.autoscale }],
  );
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

function reasonOf({ proposals, recommended, limits }: Decision): string {
  const leading = proposals.find(({ replicas }) => replicas !== undefined && replicas === recommended);
  const cause = leading === undefined ? [] : [`${leading.metric}: ${leading.formula}`];
  return [...cause, ...limits].join('; ');
}
