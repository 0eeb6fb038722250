import { canaryTarget } from '#domain/app/canary.ts';
import { inForce } from '#domain/app/scale.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import type { AppRecord } from './parts.ts';

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

  names(): string[] {
    return [...this.#records.keys()];
  }

  save(record: AppRecord): void {
    this.#stored.put(record.name, record);
    this.#records.set(record.name, record);
  }

  forget(app: string): void {
    this.#stored.delete(app);
    this.#records.delete(app);
  }
}

/** What an app is to be now, with its scale and its canary; undefined before its first `up` went well. */
export function targetInForce({ target, scale = {}, canary }: AppRecord): AppTarget | undefined {
  if (target === undefined) return undefined;
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
