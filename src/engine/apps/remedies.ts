import { isKind, notFound } from '#base/errors.ts';
import type { Remedy } from '#domain/app/heal.ts';
import type { AppTarget } from '#domain/app/target.ts';
import { containerRequest } from './container-request.ts';
import { placeFiles } from './placing.ts';
import type { AppParts, AppRecord } from './parts.ts';

/** Carries out what a diagnosis asks for. Each step may be repeated after a crash in the middle of it. */
export class Remedies {
  readonly #parts: AppParts;
  readonly #record: (app: string) => AppRecord | undefined;

  constructor(parts: AppParts, record: (app: string) => AppRecord | undefined) {
    this.#parts = parts;
    this.#record = record;
  }

  /** @throws what the verbs of the containers throw */
  async apply(target: AppTarget, remedy: Remedy): Promise<void> {
    const { service, replica } = placeOf(remedy);
    await this.#carryOut(target, remedy);
    this.#parts.events.emit('app', 'heal', target.app, {
      service,
      replica: String(replica),
      action: remedy.kind,
      reason: remedy.reason,
    });
  }

  async #carryOut(target: AppTarget, remedy: Remedy): Promise<void> {
    const { containers } = this.#parts;
    if (remedy.kind === 'create') return this.#make(target, remedy);
    const { id } = remedy.container;
    if (remedy.kind === 'restart') return containers.restart(id, { forChange: true });
    if (remedy.kind === 'start') return unlessUnchanged(containers.start(id));
    await containers.remove(id, { force: true });
    return this.#make(target, remedy);
  }

  async #make(target: AppTarget, remedy: Remedy): Promise<void> {
    const { service: name, replica: number } = placeOf(remedy);
    const service = target.services.find((one) => one.name === name);
    const replica = service?.replicas.find((one) => one.replica === number);
    if (service === undefined || replica === undefined)
      throw notFound('app-service-missing', `the app ${target.app} has no replica ${number} of '${name}'`);
    const { containers, images } = this.#parts;
    const { revision = 1, folder = '', files = [] } = this.#record(target.app) ?? {};
    const origin = { app: target.app, revision, folder, files };
    const { id } = await containers.create(containerRequest(images, origin, service, replica));
    await placeFiles(containers, id, replica.request.files);
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
