import { realtimeNanos } from '#adapters/linux/time.ts';
import type { Clock } from '#ports/clock.ts';

/** The machine's clock. */
export class SystemClock implements Clock {
  #last = 0n;

  now(): number {
    return Date.now();
  }

  timestamp(): string {
    const wall = realtimeNanos();
    this.#last = wall > this.#last ? wall : this.#last + 1n;
    const seconds = this.#last / 1_000_000_000n;
    const nanos = String(this.#last % 1_000_000_000n).padStart(9, '0');
    return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${nanos}Z`;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        clearTimeout(timer);
        reject(reasonOf(signal));
      };
      if (signal?.aborted === true) {
        reject(reasonOf(signal));
        return;
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', abort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('the wait was aborted');
}
