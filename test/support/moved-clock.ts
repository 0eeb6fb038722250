import type { Clock } from '#ports/clock.ts';

/** A clock that stands until a test moves it. */
export class MovedClock implements Clock {
  #now: number;
  #sleeps: { until: number; wake: () => void }[] = [];

  /** @param start RFC 3339 */
  constructor(start: string) {
    this.#now = Date.parse(start);
  }

  now(): number {
    return this.#now;
  }

  timestamp(): string {
    return new Date(this.#now).toISOString();
  }

  /** `MM-DDTHH:MM`, short enough for lists of what happened when. */
  minute(): string {
    return this.timestamp().slice(5, 16);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(new Error('aborted'));
    return new Promise((resolve, reject) => {
      const sleep = { until: this.#now + ms, wake: resolve };
      this.#sleeps.push(sleep);
      signal?.addEventListener('abort', () => {
        this.#sleeps = this.#sleeps.filter((one) => one !== sleep);
        reject(new Error('aborted'));
      });
    });
  }

  /** Moves on, and lets everything that is then due happen, in its order. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const next = this.#sleeps.toSorted((a, b) => a.until - b.until)[0];
      if (next === undefined || next.until > end) break;
      this.#sleeps = this.#sleeps.filter((one) => one !== next);
      this.#now = next.until;
      next.wake();
    }
    this.#now = end;
  }
}

/** Long enough for what follows from a timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
