import type { Clock } from '#ports/clock.ts';

interface Measured {
  size: number;
  /** Milliseconds since 1970. */
  at: number;
}

/** How long a size is good. */
const freshMs = 600_000;

/** Sizes of trees that have to be walked, each at most once in ten minutes. */
export class MeasuredSizes {
  readonly #clock: Pick<Clock, 'now'>;
  #known = new Map<string, Measured>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** Bytes of each; those that are not asked for any more are forgotten. @param walk gives the bytes of one */
  async of(keys: readonly string[], walk: (key: string) => Promise<number>): Promise<Map<string, number>> {
    const found = new Map<string, Measured>();
    for (const key of keys) {
      const known = this.#known.get(key);
      const isFresh = known !== undefined && this.#clock.now() - known.at < freshMs;
      found.set(key, isFresh ? known : { size: await walk(key), at: this.#clock.now() });
    }
    this.#known = found;
    return new Map([...found].map(([key, { size }]) => [key, size]));
  }
}
