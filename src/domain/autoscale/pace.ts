import type { ScalingRules } from './model.ts';

// How fast a number of replicas may follow: Kubernetes' `behavior` (pkg/controller/podautoscaler/horizontal.go,
// stabilizeRecommendationWithBehaviors, convertDesiredReplicasWithBehaviorRate). Times in milliseconds.

/** What the metrics asked for at some time. */
export interface Recommendation {
  at: number;
  replicas: number;
}

/** A change that was made. */
export interface ScaleEvent {
  at: number;
  /** Replicas more; below 0: fewer. */
  change: number;
}

export interface Rules {
  up: ScalingRules;
  down: ScalingRules;
}

/** Goes up no further than the lowest of the window for up, and down no further than the highest of that for down. */
export function stabilized(
  desired: number,
  current: number,
  recommendations: readonly Recommendation[],
  { up, down }: Rules,
  now: number,
): number {
  const within = (window: number): number[] =>
    recommendations.filter(({ at }) => at > now - window * 1000).map(({ replicas }) => replicas);
  const lowest = Math.min(desired, ...within(up.window));
  const highest = Math.max(desired, ...within(down.window));
  return Math.min(Math.max(current, lowest), highest);
}

/** The most and the fewest replicas that the policies allow now. */
export function paceLimits(
  current: number,
  events: readonly ScaleEvent[],
  { up, down }: Rules,
  now: number,
): { most: number; fewest: number } {
  const before = (period: number): number =>
    current - events.filter(({ at }) => at > now - period * 1000).reduce((sum, one) => sum + one.change, 0);
  const most = up.policies.map(({ kind, value, period }) =>
    kind === 'pods' ? before(period) + value : Math.ceil(before(period) * (1 + value / 100)),
  );
  const fewest = down.policies.map(({ kind, value, period }) =>
    kind === 'pods' ? before(period) - value : Math.trunc(before(period) * (1 - value / 100)),
  );
  return { most: Math.max(current, ...most), fewest: Math.min(current, ...fewest) };
}

/** Those that may still matter. */
export function recent<T extends { at: number }>(all: readonly T[], seconds: number, now: number): T[] {
  return all.filter(({ at }) => at > now - seconds * 1000);
}

/** Seconds for which recommendations and events may matter. */
export function memoryOf({ up, down }: Rules): { recommendations: number; events: number } {
  const periods = [...up.policies, ...down.policies].map(({ period }) => period);
  return { recommendations: Math.max(up.window, down.window), events: Math.max(0, ...periods) };
}
