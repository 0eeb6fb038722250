import { notFound } from '#base/errors.ts';
import { countOf } from '#domain/app/scale.ts';
import type { Decision } from '#domain/autoscale/decide.ts';
import type { Autoscale } from '#domain/autoscale/model.ts';
import type { Apps } from '#engine/apps/apps.ts';
import { pause } from '#engine/pause.ts';
import type { Clock } from '#ports/clock.ts';
import type { StateStore } from '#ports/state-store.ts';
import { Deciding, type Decided, type DecidingParts, type Scaled } from './deciding.ts';
import { ScaleHistory, type ScaleChange } from './history.ts';
import { Scaling, type ScalingParts } from './scaling.ts';

export interface AutoscalerParts extends DecidingParts, ScalingParts {
  apps: ScalingParts['apps'] & Pick<Apps, 'names'>;
  store: StateStore;
  clock: Clock;
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

/** Gives services that ask for it as many replicas as what they do requires. Each look starts from what is. */
export class Autoscaler {
  readonly #parts: AutoscalerParts;
  readonly #history: ScaleHistory;
  readonly #deciding: Deciding;
  readonly #scaling: Scaling;
  readonly #closed = new AbortController();

  constructor(parts: AutoscalerParts) {
    this.#parts = parts;
    this.#history = new ScaleHistory(parts.store);
    this.#deciding = new Deciding(parts, this.#history, this.#closed.signal);
    this.#scaling = new Scaling(parts, this.#history, this.#closed.signal);
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
    return (await this.#deciding.decide(scaled, false)).map((one) => this.#view(one));
  }

  /** @throws not-found `autoscale-missing` */
  async explain(app: string, service: string): Promise<AutoscaleView> {
    const scaled = this.#scaled().filter((one) => one.app === app && one.service.name === service);
    const [decided] = await this.#deciding.decide(scaled, false);
    if (decided !== undefined) return this.#view(decided);
    throw notFound('autoscale-missing', `the app ${app} has no service '${service}' that is autoscaled`, {
      hint: 'berth autoscale ls lists those that are',
    });
  }

  /** One look at all services that are autoscaled; resolves when every change that follows has been made. */
  async look(): Promise<void> {
    const scaled = this.#scaled();
    this.#deciding.retain(new Set(scaled.map(({ key }) => key)));
    this.#scaling.retain(new Set(scaled.map(({ app }) => app)));
    const free = scaled.filter((one) => this.#scaling.pause(one) === undefined);
    const decided = await this.#deciding.decide(free, true);
    const changes = Map.groupBy(
      decided.filter(({ decision, current }) => decision.replicas !== current),
      ({ app }) => app,
    );
    await Promise.all([...changes].map(([app, all]) => this.#scaling.apply(app, all)));
  }

  async #run(): Promise<void> {
    const { clock, period, report } = this.#parts;
    const { signal } = this.#closed;
    // A change takes as long as its replicas do; the other apps are looked at meanwhile.
    while (await pause(clock, period * 1000, signal))
      void this.look().catch((error: unknown) => {
        if (!signal.aborted) report('services could not be autoscaled', error);
      });
  }

  #scaled(): Scaled[] {
    return this.#parts.apps.names().flatMap((app) => {
      const { target, scale = {} } = this.#parts.apps.record(app) ?? {};
      return Object.values(target?.model.services ?? {}).flatMap((service) => {
        const { name, autoscale: rules } = service;
        if (rules === undefined) return [];
        return { key: `${app}/${name}`, app, service, rules, current: countOf(service, scale[name]) };
      });
    });
  }

  #view(decided: Decided): AutoscaleView {
    const { key, app, service, rules, decision, measured } = decided;
    const paused = this.#scaling.pause(decided);
    return {
      ...{ app, service: service.name, rules, decision, notes: measured.notes },
      ...(paused === undefined ? {} : { paused }),
      changes: this.#history.changes(key),
    };
  }
}
