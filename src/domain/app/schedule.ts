import { Cron } from 'croner';
import { messageOf } from '#base/errors.ts';

/** When a service runs, instead of all the time. Times in seconds. */
export interface Schedule {
  /** Five fields, or a name such as `@daily`. */
  cron: string;
  /** IANA name. */
  timezone: string;
  /** What becomes of a run that is due while one goes on. */
  concurrency: 'allow' | 'forbid' | 'replace';
  /** A run that takes longer is stopped and has failed. */
  deadline?: number;
  /** How often a failed run is tried again, after `backoff` doubling with each try. */
  retries: number;
  backoff: number;
  /** How many runs keep their container and its log. */
  history: { succeeded: number; failed: number };
  /** What becomes of runs that were due while the daemon was away: the latest is made up for, or none. */
  missed: 'run-once' | 'skip';
}

/** Why the cron expression cannot be read; undefined when it can. */
export function cronFault(cron: string, timezone: string): string | undefined {
  try {
    const next = parsed(cron, timezone).nextRun(new Date(0));
    return next === null ? 'it names no time that ever comes' : undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * The first time after `after` at which the schedule is due, both in milliseconds since 1970; undefined when none
 * comes. In the hour that daylight saving time skips, a daily run comes right after it; in the hour that it repeats,
 * a daily run comes once.
 */
export function nextRun(
  { cron, timezone }: Pick<Schedule, 'cron' | 'timezone'>,
  after: number,
): number | undefined {
  return parsed(cron, timezone).nextRun(new Date(after))?.getTime();
}

/** The latest time up to `now` at which the schedule was due, not before `since`. */
export function lastDue(
  schedule: Pick<Schedule, 'cron' | 'timezone'>,
  since: number,
  now: number,
): number | undefined {
  // A schedule of every minute that was away for a year: look at the last day first.
  const day = 86_400_000;
  for (const from of [Math.max(since, now - day), since]) {
    let latest: number | undefined;
    for (
      let next = nextRun(schedule, from);
      next !== undefined && next <= now;
      next = nextRun(schedule, next)
    )
      latest = next;
    if (latest !== undefined) return latest;
  }
  return undefined;
}

/** Milliseconds before the next try of a failed run; undefined when it has been tried often enough. */
export function retryIn({ retries, backoff }: Schedule, tries: number): number | undefined {
  return tries > retries ? undefined : backoff * 1000 * 2 ** (tries - 1);
}

function parsed(cron: string, timezone: string): Cron {
  return new Cron(cron, { paused: true, timezone, mode: '5-part' });
}
