import { setTimeout as delay } from 'node:timers/promises';
import { isTransient } from '#adapters/registry-client/transport-errors.ts';

/** How often something is tried before its failure is final. */
export const tries = 5;

/** Longer than this no registry is waited for: what it answered is said instead. */
const longestPause = 60_000;

export interface RetryOptions {
  /** Milliseconds before the second try; doubled for each further one. */
  backOffMillis: number;
  /** From 0 up to 1: many clients that failed together do not come back together. */
  random: () => number;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** Thrown inside a try: the registry answered that it cannot now. */
export class TryLater extends Error {
  readonly code = 'ETIMEDOUT';
  readonly afterMillis: number | undefined;

  constructor(status: number, afterMillis: number | undefined) {
    super(`it answered ${status}`);
    this.afterMillis = afterMillis;
  }
}

/** What a registry asks with Retry-After (RFC 9110, section 10.2.3): seconds or a date. Undefined without one. */
export function retryAfterMillis(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const millis = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(millis) ? undefined : Math.max(0, millis);
}

/** Whether trying again may help, and the registry does not ask for too long a pause. */
export function isWorthRetrying(status: number, afterMillis: number | undefined): boolean {
  return (status >= 500 || status === 429) && (afterMillis ?? 0) <= longestPause;
}

/** Tries again what a broken connection or a busy registry failed. */
export class Retrying {
  readonly #options: RetryOptions;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** @param most how often at most */
  async trying<T>(
    signal: AbortSignal,
    work: (isLast: boolean) => Promise<T>,
    most: number = tries,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(attempt >= most);
      } catch (error) {
        signal.throwIfAborted();
        if (attempt >= most || !isTransient(error)) throw error;
        const asked = [error, error instanceof Error ? error.cause : undefined].find(
          (one) => one instanceof TryLater,
        );
        await this.pause(attempt, signal, asked?.afterMillis);
      }
    }
  }

  /** Half of the pause is fixed, the other half random; a registry that says when is believed. */
  pause(failures: number, signal: AbortSignal, atLeast = 0): Promise<void> {
    const full = Math.min(this.#options.backOffMillis * 2 ** (failures - 1), longestPause);
    const jittered = full / 2 + (full / 2) * this.#options.random();
    return delay(Math.max(atLeast, jittered), undefined, { signal });
  }

  retryAfter(header: string | undefined): number | undefined {
    return retryAfterMillis(header, this.#options.now());
  }
}
