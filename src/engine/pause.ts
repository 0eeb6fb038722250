import type { Clock } from '#ports/clock.ts';

/** Waits for `ms` between two rounds of background work. False: the signal ended it, and so the work ends. */
export function pause(clock: Pick<Clock, 'sleep'>, ms: number, signal: AbortSignal): Promise<boolean> {
  return clock.sleep(ms, signal).then(
    () => true,
    () => false,
  );
}
