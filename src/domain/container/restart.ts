import type { HostConfig, RestartPolicy } from '#domain/container/config.ts';
import { invalid } from '#base/errors.ts';

const firstDelay = 100;
const longestDelay = 60_000;
/** Milliseconds of running after which a container counts as well again. */
const healthyRun = 10_000;

export interface Ended {
  exitCode: number;
  /** How often the policy restarted it since a person started it. */
  restartCount: number;
  stoppedByUser: boolean;
}

/** Whether the policy starts a container again that ended by itself. */
export function restarts(policy: RestartPolicy | undefined, ended: Ended): boolean {
  if (ended.stoppedByUser) return false;
  switch (policy?.Name) {
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure': {
      const limit = policy.MaximumRetryCount ?? 0;
      return ended.exitCode !== 0 && (limit === 0 || ended.restartCount < limit);
    }
    default:
      return false;
  }
}

/**
 * Milliseconds to wait before the next restart: 100, doubling up to a minute, from the start again after a
 * run of ten seconds (moby, daemon/internal/restartmanager).
 * @param previous the delay before the run that just ended; 0 for none
 * @param asked what the container asks for instead; never less than the first
 */
export function nextDelay(previous: number, ranFor: number, asked?: number): number {
  if (asked !== undefined) return Math.max(asked, firstDelay);
  if (previous === 0 || ranFor > healthyRun) return firstDelay;
  return Math.min(previous * 2, longestDelay);
}

const delayAnnotation = 'berth.restart.delay';

/** The annotation by which a container asks for a pause, in seconds, before each restart (`deploy.restart_policy.delay`). */
export function delayAnnotationOf(seconds: number): Record<string, string> {
  return { [delayAnnotation]: `${seconds}s` };
}

/** Milliseconds; undefined for one that asks for none. */
export function askedDelay({ Annotations }: Pick<HostConfig, 'Annotations'>): number | undefined {
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(Annotations?.[delayAnnotation] ?? '')?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** @throws invalid `restart-policy-invalid` */
export function checkRestartPolicy(policy: RestartPolicy | undefined, autoRemove: boolean): void {
  const name: string = policy?.Name ?? '';
  const retries = policy?.MaximumRetryCount ?? 0;
  if (!['', 'no', 'always', 'on-failure', 'unless-stopped'].includes(name))
    throw refused(
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  if (retries < 0) throw refused('invalid restart policy: maximum retry count cannot be negative');
  if (retries > 0 && name !== 'on-failure')
    throw refused(`invalid restart policy: maximum retry count can only be used with 'on-failure'`);
  if (autoRemove && name !== '' && name !== 'no')
    throw refused(`can't create 'AutoRemove' container with restart policy`);
}

function refused(message: string): Error {
  return invalid('restart-policy-invalid', message);
}
