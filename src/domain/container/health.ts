import type { HealthConfig } from '#domain/container/config.ts';
import type { Container, ContainerState, HealthStatus, ProbeResult } from '#domain/container/container.ts';

const keptResults = 5;
const millisecond = 1_000_000;

export type Health = NonNullable<ContainerState['health']>;

/** A health check with its defaults filled in. Times in milliseconds. */
export interface HealthPlan {
  command: string[];
  interval: number;
  timeout: number;
  startPeriod: number;
  startInterval: number;
  retries: number;
}

/** Undefined when there is nothing to check: no test, or `NONE`. */
export function healthPlan(config: HealthConfig | undefined, shell: string[]): HealthPlan | undefined {
  const command = probeCommand(config?.Test ?? [], shell);
  if (config === undefined || command === undefined) return undefined;
  return {
    command,
    interval: (config.Interval || 30_000 * millisecond) / millisecond,
    timeout: (config.Timeout || 30_000 * millisecond) / millisecond,
    startPeriod: (config.StartPeriod ?? 0) / millisecond,
    startInterval: (config.StartInterval || 5_000 * millisecond) / millisecond,
    retries: config.Retries || 3,
  };
}

function probeCommand(test: string[], shell: string[]): string[] | undefined {
  const [kind, ...rest] = test;
  if (kind === 'CMD' && rest.length > 0) return rest;
  if (kind === 'CMD-SHELL' && rest.length > 0)
    return [...(shell.length > 0 ? shell : ['/bin/sh', '-c']), ...rest];
  return undefined;
}

export function initialHealth(): Health {
  return { status: 'starting', failingStreak: 0, log: [] };
}

/** The state of a container that has just been started: one that is looked at is not well before the first look. */
export function firstHealth(
  { probes, config }: Pick<Container, 'probes' | 'config'>,
  started: ContainerState,
): ContainerState {
  const isChecked = probes !== undefined || healthPlan(config.Healthcheck, config.Shell ?? []) !== undefined;
  return isChecked ? { ...started, health: initialHealth() } : started;
}

/** Milliseconds until the next probe. @param ranFor how long the container has been running */
export function nextProbeIn(plan: HealthPlan, status: HealthStatus, ranFor: number): number {
  const inStartPeriod = status === 'starting' && ranFor < plan.startPeriod;
  return inStartPeriod ? Math.min(plan.startInterval, plan.interval) : plan.interval;
}

/**
 * The health after one more probe. A failure within the start period, before the first success, does not
 * count; `retries` failures in a row make it unhealthy; one success makes it healthy.
 * @param startedAfter milliseconds from the container's start to the probe's start
 */
export function afterProbe(
  plan: HealthPlan,
  before: Health,
  result: ProbeResult,
  startedAfter: number,
): Health {
  const log = [...before.log, result].slice(-keptResults);
  if (result.ExitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  if (before.status === 'starting' && startedAfter < plan.startPeriod) return { ...before, log };
  const failingStreak = before.failingStreak + 1;
  const status = failingStreak >= plan.retries ? 'unhealthy' : before.status;
  return { status, failingStreak, log };
}
