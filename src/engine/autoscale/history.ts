import {
  memoryOf,
  recent,
  type Recommendation,
  type Rules,
  type ScaleEvent,
} from '#domain/autoscale/pace.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** A change that autoscaling made. */
export interface ScaleChange extends ScaleEvent {
  from: number;
  to: number;
  reason: string;
}

const keptChanges = 10;

/**
 * What was asked for lately, in memory, and what was done, in the state store, by APP/SERVICE. After a restart nothing
 * is known of what was asked for: the number that is there then counts as asked for.
 */
export class ScaleHistory {
  readonly #stored: Collection<{ changes: ScaleChange[] }>;
  readonly #changes: Map<string, ScaleChange[]>;
  readonly #recommendations = new Map<string, Recommendation[]>();
  /** Replicas when it was last looked at. */
  readonly #last = new Map<string, number>();

  constructor(store: StateStore) {
    this.#stored = store.collection<{ changes: ScaleChange[] }>('autoscale');
    this.#changes = new Map(this.#stored.entries().map(([key, { changes }]) => [key, changes]));
  }

  changes(key: string): readonly ScaleChange[] {
    return this.#changes.get(key) ?? [];
  }

  recommendations(key: string): readonly Recommendation[] {
    return this.#recommendations.get(key) ?? [];
  }

  /** A number that someone else set counts as asked for, so that it holds for the window. */
  see(key: string, replicas: number, rules: Rules, now: number): void {
    if (this.#last.get(key) !== replicas) this.recommend(key, { at: now, replicas }, rules);
    this.#last.set(key, replicas);
  }

  recommend(key: string, one: Recommendation, rules: Rules): void {
    const known = [...this.recommendations(key), one];
    this.#recommendations.set(key, recent(known, memoryOf(rules).recommendations, one.at));
  }

  changed(key: string, change: ScaleChange): void {
    const changes = [...this.changes(key), change].slice(-keptChanges);
    this.#changes.set(key, changes);
    this.#last.set(key, change.to);
    this.#stored.put(key, { changes });
  }

  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#changes.keys())
      if (!keys.has(key)) {
        this.#changes.delete(key);
        this.#stored.delete(key);
      }
    for (const map of [this.#recommendations, this.#last])
      for (const key of map.keys()) if (!keys.has(key)) map.delete(key);
  }
}
