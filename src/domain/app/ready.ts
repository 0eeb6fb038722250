import type { Container } from '#domain/container/container.ts';
import { mayServe, mustGo } from '#domain/container/probe.ts';

/** Whether a container may be given requests: it runs, its probes do not object, and nobody holds it back. */
export function isReady(container: Pick<Container, 'state' | 'probes' | 'traffic'>): boolean {
  return container.traffic === undefined && isWell(container);
}

/** Whether it runs and its probes, or its health check, do not object. */
export function isWell({ state, probes }: Pick<Container, 'state' | 'probes'>): boolean {
  if (state.status !== 'running') return false;
  if (probes !== undefined) return mayServe(probes, state.probes ?? {});
  const health = state.health?.status ?? 'none';
  return health === 'none' || health === 'healthy';
}

/** Whether a container that runs must be made anew: its liveness fails, or, without probes, its health check does. */
export function isFailing({ state, probes }: Pick<Container, 'state' | 'probes'>): boolean {
  if (state.status !== 'running') return false;
  return probes === undefined ? state.health?.status === 'unhealthy' : mustGo(state.probes ?? {});
}
