import { setImmediate } from 'node:timers/promises';

const longest = 8;

/** Lets the event loop turn when synchronous work on many small files has held it for 8 ms. */
export class Breather {
  readonly #signal: AbortSignal | undefined;
  #since = performance.now();

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** Whether it is time to breathe: to ask costs less than to wait for the answer that it is not. */
  get isDue(): boolean {
    return performance.now() - this.#since >= longest || this.#signal?.aborted === true;
  }

  /** @throws the signal's reason once it is aborted */
  async breathe(): Promise<void> {
    this.#signal?.throwIfAborted();
    if (performance.now() - this.#since < longest) return;
    await setImmediate();
    this.#since = performance.now();
  }
}
