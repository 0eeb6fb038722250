import { conflict, notFound } from '#base/errors.ts';
import { canaryTarget } from '#domain/app/canary.ts';
import { inForce } from '#domain/app/scale.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import type { AppRecord } from './parts.ts';
import type { DownRequest } from './requests.ts';

/** The records of all apps: in memory, written through. */
export class AppRecords {
  readonly #stored: Collection<AppRecord>;
  readonly #records: Map<string, AppRecord>;

  constructor(store: StateStore) {
    this.#stored = store.collection<AppRecord>('apps');
    this.#records = new Map(this.#stored.entries());
  }

  get(app: string): AppRecord | undefined {
    return this.#records.get(app);
  }

  /** @throws not-found `app-missing`; conflict `app-not-up` */
  thatWasUp(app: string): AppRecord & { target: AppTarget } {
    const record = this.get(app);
    if (record === undefined) throw appMissing(app);
    if (record.target !== undefined) return { ...record, target: record.target };
    throw conflict('app-not-up', `the app ${app} was never up`, { hint: 'run berth up first' });
  }

  names(): string[] {
    return [...this.#records.keys()];
  }

  save(record: AppRecord): void {
    this.#stored.put(record.name, record);
    this.#records.set(record.name, record);
  }

  /** Before the first step of `down`: what a crash leaves half gone is not brought back. */
  leave(app: string, leaving: DownRequest, updated: string): void {
    const unknown = { name: app, revision: 0, folder: '', files: [], updated, services: {} };
    this.save({ ...(this.get(app) ?? unknown), leaving });
  }

  /** It is wanted again. */
  keep(app: string): void {
    const { leaving, ...rest } = this.get(app) ?? {};
    if (leaving !== undefined && 'name' in rest) this.save(rest);
  }

  leaving(): { app: string; request: DownRequest }[] {
    return [...this.#records.values()].flatMap(({ name, leaving }) =>
      leaving === undefined ? [] : [{ app: name, request: leaving }],
    );
  }

  forget(app: string): void {
    this.#stored.delete(app);
    this.#records.delete(app);
  }
}

export function appMissing(app: string): Error {
  return notFound('app-missing', `there is no app '${app}'`, { hint: 'berth ps lists the apps' });
}

/** What an app is to be now, with its scale and its canary; undefined before its first `up` went well and while it leaves. */
export function targetInForce({ target, scale = {}, canary, leaving }: AppRecord): AppTarget | undefined {
  if (target === undefined || leaving !== undefined) return undefined;
  const now = inForce(target, scale);
  return canary === undefined ? now : canaryTarget(now, inForce(canary.target, scale), canary.share);
}

/** What a record keeps beside the target, to explain changes also to it. */
export function servicesOf(target: AppTarget): AppRecord['services'] {
  return Object.fromEntries(
    target.services.map(({ name, hash, settings, buildFingerprint, dependsOn, joins, replicas }) => [
      name,
      {
        hash,
        settings,
        buildFingerprint,
        dependsOn: [...dependsOn.map((on) => on.service), ...joins],
        replicas: replicas.length,
      },
    ]),
  );
}
