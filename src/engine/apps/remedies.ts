import { isKind, notFound } from '#base/errors.ts';
import { checkPinned, groundSteps } from '#domain/app/plan.ts';
import { madeOf } from '#domain/app/pinned.ts';
import type { Remedy } from '#domain/app/heal.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { Container } from '#domain/container/container.ts';
import { containerRequest } from './container-request.ts';
import { executors } from './executors.ts';
import { observe, replicasOfApp } from './observe.ts';
import type { AppParts, AppRecord } from './parts.ts';
import { renew } from './renewal.ts';
import { execute, plainRun } from './run.ts';

/** Carries out what a diagnosis asks for. Each step may be repeated after a crash in the middle of it. */
export class Remedies {
  readonly #parts: AppParts;
  readonly #record: (app: string) => AppRecord | undefined;

  constructor(parts: AppParts, record: (app: string) => AppRecord | undefined) {
    this.#parts = parts;
    this.#record = record;
  }

  /** @throws what the verbs of the containers throw */
  async apply(target: AppTarget, remedy: Remedy, signal: AbortSignal): Promise<void> {
    const { service, replica } = placeOf(remedy);
    const action = await this.#carryOut(target, remedy, signal);
    this.#parts.events.emit('app', 'heal', target.app, {
      service,
      replica: String(replica),
      action,
      reason: remedy.reason,
    });
  }

  /** Gives what was done in a word. */
  async #carryOut(target: AppTarget, remedy: Remedy, signal: AbortSignal): Promise<string> {
    const { containers } = this.#parts;
    if (['create', 'start', 'recreate'].includes(remedy.kind)) await this.#prepare(target, signal);
    if (remedy.kind === 'create') await this.#make(target, remedy);
    else if (remedy.kind === 'start') await unlessUnchanged(containers.start(remedy.container.id));
    else if (remedy.kind === 'restart') {
      const record = this.#record(target.app);
      if (await renew(this.#parts, target, record, remedy.container, signal)) return 'replace';
      await containers.restart(remedy.container.id, { forChange: true });
    } else if (remedy.kind === 'admit') containers.setTraffic(remedy.container.id, undefined);
    else if (remedy.kind === 'retire') await this.#retire(target, remedy.container);
    else {
      await containers.remove(remedy.container.id, { force: true });
      await this.#make(target, remedy);
    }
    return remedy.kind;
  }

  /** Makes what containers need and what is not there any more. @throws as `groundSteps` */
  async #prepare(target: AppTarget, signal: AbortSignal): Promise<void> {
    const { app } = target;
    const record = this.#record(app);
    const observed = observe(this.#parts, app, record, target, new Set());
    const steps = groundSteps(observed, target);
    const run = plainRun({ parts: this.#parts, app, emit: () => undefined, signal }, record, target);
    await execute(steps, executors, run);
    for (const step of steps)
      if ('name' in step)
        this.#parts.events.emit('app', 'heal', app, {
          action: step.kind,
          name: step.name,
          reason: 'it is missing',
        });
  }

  /** Ends what a change was about to end, and gives its successor the name. */
  async #retire(target: AppTarget, former: Container): Promise<void> {
    const { containers } = this.#parts;
    await unlessUnchanged(containers.stop(former.id, { forChange: true }));
    await containers.remove(former.id, { force: true });
    const { service, replica } = former.identity ?? {};
    const wanted = target.services
      .find((one) => one.name === service)
      ?.replicas.find((one) => one.replica === replica)?.name;
    const successor = replicasOfApp(this.#parts, target.app).find(
      ({ identity, traffic }) =>
        identity?.service === service && identity?.replica === replica && traffic === undefined,
    );
    if (wanted === undefined || successor === undefined || containers.find(wanted) !== undefined) return;
    await containers.rename(successor.id, wanted);
  }

  async #make(target: AppTarget, remedy: Remedy): Promise<void> {
    const { service: name, replica: number } = placeOf(remedy);
    const service = target.services.find((one) => one.name === name);
    const replica = service?.replicas.find((one) => one.replica === number);
    if (service === undefined || replica === undefined)
      throw notFound('app-service-missing', `the app ${target.app} has no replica ${number} of '${name}'`);
    const observed = observe(this.#parts, target.app, undefined, target, new Set());
    checkPinned(observed, { name, ...madeOf(service, replica) });
    const { containers, images } = this.#parts;
    const { revision = 1, folder = '', files = [] } = this.#record(target.app) ?? {};
    const origin = { app: target.app, revision, folder, files };
    const { id } = await containers.create(containerRequest(images, origin, service, replica));
    await containers.start(id);
  }
}

/** Which replica a remedy is for. */
export function placeOf(remedy: Remedy): { service: string; replica: number } {
  if (remedy.kind === 'create') return { service: remedy.service, replica: remedy.replica };
  const { service = '', replica = 0 } = remedy.container.identity ?? {};
  return { service, replica };
}

async function unlessUnchanged(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isKind(error, 'unchanged')) throw error;
  }
}
