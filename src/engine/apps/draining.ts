import type { Container } from '#domain/container/container.ts';
import type { Run } from './run.ts';

const lookEveryMs = 50;

/** Resolves when nobody is connected to these containers any more, or after so many seconds. */
export async function drained(run: Run, ids: readonly string[], atMost: number): Promise<void> {
  const { containers, clock, processes } = run.parts;
  const until = clock.now() + atMost * 1000;
  const isConnected = ({ state }: Container): boolean =>
    state.status === 'running' && processes.inboundConnections(state.pid) > 0;
  const left = (): boolean => ids.flatMap((id) => containers.find(id) ?? []).some(isConnected);
  while (clock.now() < until && left()) await clock.sleep(lookEveryMs, run.signal);
}
