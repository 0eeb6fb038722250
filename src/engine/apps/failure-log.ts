import type { Failures } from '#domain/app/failures.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

type OfApp = Readonly<Record<string, Failures | undefined>>;

const none: OfApp = {};

/** How the replicas of each app have failed lately, by `slotOf`: in memory, written through. */
export class FailureLog {
  readonly #stored: Collection<OfApp>;
  readonly #apps: Map<string, OfApp>;

  constructor(store: StateStore) {
    this.#stored = store.collection<OfApp>('app-failures');
    this.#apps = new Map(this.#stored.entries());
  }

  of(app: string): OfApp {
    return this.#apps.get(app) ?? none;
  }

  note(app: string, slot: string, failures: Failures): void {
    const all = { ...this.of(app), [slot]: failures };
    this.#apps.set(app, all);
    this.#stored.put(app, all);
  }

  /** A person begins anew: nothing is held against the app any more. */
  forget(app: string): void {
    if (this.#apps.delete(app)) this.#stored.delete(app);
  }
}
