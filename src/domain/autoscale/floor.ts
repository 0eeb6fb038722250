import { lastDue } from '#domain/app/schedule.ts';
import type { Autoscale, ScheduledMinimum } from './model.ts';

/** The fewest replicas at a time, and which scheduled minimum says so. */
export function floorAt(
  { min, max, schedule }: Pick<Autoscale, 'min' | 'max' | 'schedule'>,
  now: number,
): { replicas: number; by?: ScheduledMinimum } {
  const active = schedule.filter((one) => lastDue(one, now - one.for * 1000, now) !== undefined);
  const by = active.toSorted((a, b) => b.min - a.min)[0];
  if (by === undefined || by.min <= min) return { replicas: min };
  return { replicas: Math.min(by.min, max), by };
}
