import type { Container } from '#domain/container/container.ts';

/** Whether a container may be given requests: it runs, its probes do not object, and nobody holds it back. */
export function isReady({ state, traffic }: Pick<Container, 'state' | 'traffic'>): boolean {
  if (state.status !== 'running' || traffic !== undefined) return false;
  const health = state.health?.status ?? 'none';
  return health === 'none' || health === 'healthy';
}
