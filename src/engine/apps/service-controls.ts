import { notFound } from '#base/errors.ts';
import { planStop } from '#domain/app/plan-down.ts';
import type { AppLocks } from './app-locks.ts';
import type { Apps } from './apps.ts';
import type { Emit } from './change.ts';
import { executors } from './executors.ts';
import { observe } from './observe.ts';
import type { AppParts, AppRecord } from './parts.ts';
import type { AppRecords } from './records.ts';
import type { ControlRequest } from './requests.ts';
import { execute, plainRun } from './run.ts';
import { summarize } from './summary.ts';

interface ControlledApps {
  readonly locks: AppLocks;
  restore: Apps['restore'];
}

/**
 * A person's commands for services of an app as it is. What is stopped stays so, over restarts of the daemon too,
 * until it is started or the app is brought up again.
 */
export class ServiceControls {
  readonly #parts: AppParts;
  readonly #records: AppRecords;
  readonly #apps: ControlledApps;

  constructor(parts: AppParts, records: AppRecords, apps: ControlledApps) {
    this.#parts = parts;
    this.#records = records;
    this.#apps = apps;
  }

  /**
   * Makes the containers anew by the rules of an update: one beside the other where that can be.
   * @throws not-found `app-missing`, `app-service-missing`; conflict `app-not-up`, `app-busy`, `app-unwell`
   */
  restart(app: string, request: ControlRequest, emit: Emit, signal: AbortSignal): Promise<void> {
    return this.#apps.locks.run(app, 'restart', async () => {
      const { record, services } = this.#chosen(app, request);
      const { by, timeout } = request;
      const stopped = without(record.stopped ?? [], services);
      const change = { reason: 'restart', by, timeout, stopped, renew: new Set(services) };
      await this.#apps.restore(app, change, emit, signal);
    });
  }

  /** @throws as `restart` */
  start(app: string, request: ControlRequest, emit: Emit, signal: AbortSignal): Promise<void> {
    return this.#apps.locks.run(app, 'start', async () => {
      const { record, services } = this.#chosen(app, request);
      const { by, timeout } = request;
      const stopped = without(record.stopped ?? [], services);
      await this.#apps.restore(app, { reason: 'start', by, timeout, stopped }, emit, signal);
    });
  }

  /** Dependents first; the containers stay. @throws as `restart` */
  stop(app: string, request: ControlRequest, emit: Emit, signal: AbortSignal): Promise<void> {
    return this.#apps.locks.run(app, 'stop', async () => {
      const { record, services } = this.#chosen(app, request);
      const { revision } = record;
      const stopped = [...new Set([...(record.stopped ?? []), ...services])].sort();
      // Before the first step: what a crash leaves half stopped is not started again.
      this.#records.save({ ...record, stopped });
      const steps = planStop(observe(this.#parts, app, record, undefined, new Set()), new Set(services));
      emit({ type: 'plan', app, revision, steps });
      const run = plainRun({ parts: this.#parts, app, emit, signal }, record);
      await execute(steps, executors, { ...run, stopTimeout: request.stopTimeout });
      const summary = summarize(this.#parts, app, this.#records.get(app));
      this.#parts.events.emit('app', 'stop', app, { services: services.join(', ') });
      emit({ type: 'result', app, revision, changed: steps.length > 0, services: summary.services });
    });
  }

  #chosen(app: string, { services }: ControlRequest): { record: AppRecord; services: string[] } {
    const record = this.#records.thatWasUp(app);
    const known = record.target.services.map((one) => one.name);
    const unknown = services.find((one) => !known.includes(one));
    if (unknown !== undefined)
      throw notFound(
        'app-service-missing',
        `the app ${app} has no service '${unknown}': it has ${known.join(', ')}`,
      );
    return { record, services: services.length === 0 ? known : services };
  }
}

export function without(names: readonly string[], taken: readonly string[]): string[] {
  return names.filter((one) => !taken.includes(one));
}
