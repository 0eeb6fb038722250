import type { RestartRule } from './deploy.ts';

/** How a replica has failed lately; times in milliseconds since 1970. */
export interface Failures {
  /** In a row, without a run in between that was long enough to count as well. */
  count: number;
  /** When the latest was found. */
  last: number;
  /** Tells failures apart that were counted from those that are new. */
  seen: string;
  /** The breaker is open: nothing is tried any more until a person says so. */
  open?: { reason: string; log: string[] };
}

/** After how many failures the breaker opens, and how long to wait before; in milliseconds. */
export interface HealingRule {
  attempts: number;
  /** Before the second try; the first comes at once, each further one after twice as long. */
  delay: number;
  /** A run of this length counts as well. */
  window: number;
}

const longestDelay = 300_000;

/** Kubernetes' back-off unless `deploy.restart_policy` says otherwise; a delay and a window of 0 are taken as said. */
export function healingRule(rule: RestartRule | undefined): HealingRule {
  return {
    attempts: rule?.maxAttempts ?? 10,
    delay: (rule?.delay ?? 10) * 1000,
    window: (rule?.window ?? 120) * 1000,
  };
}

/** The failures after one more. @param ranFor how long the run took that failed */
export function afterFailure(
  rule: HealingRule,
  before: Failures | undefined,
  failure: { seen: string; at: number; ranFor: number },
): Failures {
  const wasWell = rule.window > 0 && failure.ranFor >= rule.window;
  const count = (wasWell ? 0 : (before?.count ?? 0)) + 1;
  return { count, last: failure.at, seen: failure.seen };
}

/** Whether it failed too often to go on. */
export function isCrashLoop(rule: HealingRule, { count }: Failures): boolean {
  return count > rule.attempts;
}

/** When the replica may be tried again; 0 for at once. */
export function nextTry(rule: HealingRule, failures: Failures | undefined): number {
  if (failures === undefined || failures.count <= 1) return 0;
  return failures.last + Math.min(rule.delay * 2 ** (failures.count - 2), longestDelay);
}
