import { unlessAborted } from '#base/abort.ts';

/** Which steps are being made, by cache key: of two builds that need the same, one makes it and the other waits for it. */
export class StepsInFlight {
  readonly #running = new Map<string, Promise<void>>();

  /** Resolves when nobody else makes the step, with what ends the own making. @throws the signal's reason */
  async begin(key: string, signal: AbortSignal): Promise<() => void> {
    for (;;) {
      const other = this.#running.get(key);
      if (other === undefined) break;
      await unlessAborted(other, signal);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#running.set(key, promise);
    return () => {
      this.#running.delete(key);
      resolve();
    };
  }
}
