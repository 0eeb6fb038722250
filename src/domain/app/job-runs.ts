import type { Schedule } from './schedule.ts';

export type RunOutcome =
  | 'running'
  | 'succeeded'
  | 'failed'
  /** It took longer than its deadline. */
  | 'timed-out'
  /** The next run was due, and `concurrency: replace` stopped it. */
  | 'replaced'
  /** It was due while another went on, and `concurrency: forbid` kept it from beginning. */
  | 'skipped';

/** One run of a service that runs at times. */
export interface JobRun {
  id: string;
  trigger: 'schedule' | 'person';
  outcome: RunOutcome;
  /** RFC 3339. */
  due: string;
  started: string;
  /** '' while it goes on. */
  ended: string;
  exitCode: number;
  /** From 1; a failed run is tried again as the schedule says. */
  tries: number;
  /** Of the latest try; '' before there was one. */
  container: string;
  /** What kept it from running at all. */
  error?: string;
}

/** How many runs that were skipped are told of; they hold nothing. */
const keptSkips = 5;

/** The runs that history no longer holds, given the oldest first. */
export function beyondHistory(runs: readonly JobRun[], { succeeded, failed }: Schedule['history']): JobRun[] {
  const kept = { succeeded, failed, skipped: keptSkips };
  const count = { succeeded: 0, failed: 0, skipped: 0 };
  return runs.toReversed().filter((run) => {
    const kind = kindOf(run);
    if (kind === undefined) return false;
    count[kind] += 1;
    return count[kind] > kept[kind];
  });
}

function kindOf({ outcome }: JobRun): 'succeeded' | 'failed' | 'skipped' | undefined {
  if (outcome === 'running') return undefined;
  return outcome === 'succeeded' || outcome === 'skipped' ? outcome : 'failed';
}
