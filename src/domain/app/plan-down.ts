import { isUp } from './assess.ts';
import type { ObservedApp } from './observed.ts';
import { dependencyOrder } from './order.ts';
import { removal, stop } from './plan.ts';
import type { Step } from './step.ts';

/** Takes an app away: dependents first. Volumes stay unless asked for; what others made stays always. */
export function planDown(app: string, observed: ObservedApp, options: { volumes: boolean }): Step[] {
  const reason = 'the app is taken down';
  const names = [...new Set(observed.containers.map((one) => one.service))].sort();
  const needs = Object.fromEntries(names.map((name) => [name, observed.last[name]?.dependsOn ?? []]));
  const result = dependencyOrder(needs);
  const order = 'order' in result ? result.order.toReversed() : names;
  const containers = observed.containers.toSorted(
    (a, b) => order.indexOf(a.service) - order.indexOf(b.service),
  );
  const mine = <T extends { app?: string }>(list: T[]): T[] => list.filter((one) => one.app === app);
  return [
    ...containers.filter(isUp).map((one) => stop(one, reason)),
    ...containers.map((one) => removal(one, reason)),
    ...mine(observed.networks).map(({ name }): Step => ({ kind: 'remove-network', name, reason })),
    ...(options.volumes ? volumesOf(app, observed) : []).map((name): Step => ({
      kind: 'remove-volume',
      name,
      reason: 'asked for',
    })),
  ];
}

/** What the app made, and what its containers hold that nobody named. */
function volumesOf(app: string, observed: ObservedApp): string[] {
  const made = observed.volumes.filter((one) => one.app === app).map((one) => one.name);
  return [...new Set([...made, ...observed.containers.flatMap((one) => one.anonymousVolumes)])];
}
