import { isUp } from './assess.ts';
import type { ObservedApp } from './observed.ts';
import { dependencyOrder } from './order.ts';
import { removal, stop } from './service-rollout.ts';
import type { Step } from './step.ts';

/** Takes an app away: dependents first. Volumes stay unless asked for; what others made stays always. */
export function planDown(app: string, observed: ObservedApp, options: { volumes: boolean }): Step[] {
  const reason = 'the app is taken down';
  const waves = stopWaves(observed);
  const waveOf = (service: string): number => waves.get(service) ?? 0;
  const containers = observed.containers.toSorted((a, b) => waveOf(a.service) - waveOf(b.service));
  const networks = observed.networks.filter((one) => one.app === app);
  return [
    ...containers.filter(isUp).map((one) => stop(one, reason, waveOf(one.service))),
    ...containers.map((one) => removal(one, reason)),
    ...Object.keys(observed.reaches).map((service): Step => ({ kind: 'withdraw-service', service, reason })),
    ...networks.map(({ name }): Step => ({ kind: 'remove-network', name, reason })),
    ...(options.volumes ? volumesOf(app, observed) : []).map((name): Step => ({
      kind: 'remove-volume',
      name,
      reason: 'asked for',
    })),
  ];
}

/** Stops services, dependents first; their containers stay. */
export function planStop(observed: ObservedApp, services: ReadonlySet<string>): Step[] {
  const waves = stopWaves(observed);
  return observed.containers
    .filter((one) => services.has(one.service) && isUp(one))
    .toSorted((a, b) => (waves.get(a.service) ?? 0) - (waves.get(b.service) ?? 0))
    .map((one) => stop(one, 'asked for', waves.get(one.service) ?? 0));
}

/** In which wave each service is stopped: 0 when nothing depends on it, else after all that do. */
function stopWaves(observed: ObservedApp): Map<string, number> {
  const names = [...new Set(observed.containers.map((one) => one.service))].sort();
  const needs = Object.fromEntries(names.map((name) => [name, observed.last[name]?.dependsOn ?? []]));
  const result = dependencyOrder(needs);
  const waves = new Map<string, number>();
  for (const name of 'order' in result ? result.order.toReversed() : [])
    for (const needed of needs[name] ?? [])
      waves.set(needed, Math.max(waves.get(needed) ?? 0, (waves.get(name) ?? 0) + 1));
  return waves;
}

/** What the app made, and what its containers hold that nobody named. */
function volumesOf(app: string, observed: ObservedApp): string[] {
  const made = observed.volumes.filter((one) => one.app === app).map((one) => one.name);
  return [...new Set([...made, ...observed.containers.flatMap((one) => one.anonymousVolumes)])];
}
