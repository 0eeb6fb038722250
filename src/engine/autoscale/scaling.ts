import { messageOf } from '#base/errors.ts';
import { autoscaling, countOf } from '#domain/app/scale.ts';
import type { Decision } from '#domain/autoscale/decide.ts';
import type { Apps } from '#engine/apps/apps.ts';
import type { Events } from '#engine/contracts/events.ts';
import type { Clock } from '#ports/clock.ts';
import type { Decided, Scaled } from './deciding.ts';
import type { ScaleHistory } from './history.ts';

export interface ScalingParts {
  apps: Pick<Apps, 'record' | 'locks' | 'failures' | 'restore'>;
  clock: Pick<Clock, 'now'>;
  events: Events;
  /** Seconds between two looks. */
  period: number;
  report: (problem: string, error: unknown) => void;
}

/** Seconds that new replicas may take to become ready. */
const patience = 300;
const longestPauseMs = 600_000;

/** Gives apps the numbers of replicas that were decided; a person's command goes first. */
export class Scaling {
  readonly #parts: ScalingParts;
  readonly #history: ScaleHistory;
  readonly #end: AbortSignal;
  /** Apps that are being changed. */
  readonly #working = new Set<string>();
  /** Apps whose change failed: how often, and until when they are left alone. */
  readonly #failed = new Map<string, { count: number; until: number; reason: string }>();

  /** @param end of the daemon: what it breaks off has not failed */
  constructor(parts: ScalingParts, history: ScaleHistory, end: AbortSignal) {
    this.#parts = parts;
    this.#history = history;
    this.#end = end;
  }

  /** Of apps that are not autoscaled any more nothing is kept. */
  retain(apps: ReadonlySet<string>): void {
    for (const app of this.#failed.keys()) if (!apps.has(app)) this.#failed.delete(app);
  }

  /** Why a service is left as it is. */
  pause({ app, service }: Scaled): string | undefined {
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

  /** Resolves when the app is as decided, or its change has failed and was told. */
  async apply(app: string, changes: readonly Decided[]): Promise<void> {
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
      if (signal.aborted || this.#end.aborted) return;
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
}

function reasonOf({ proposals, recommended, limits }: Decision): string {
  const leading = proposals.find(({ replicas }) => replicas !== undefined && replicas === recommended);
  const cause = leading === undefined ? [] : [`${leading.metric}: ${leading.formula}`];
  return [...cause, ...limits].join('; ');
}
