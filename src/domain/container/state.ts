import type { Container, ContainerState } from '#domain/container/container.ts';

export const never = '0001-01-01T00:00:00Z';

// A container's state after each thing that can happen to it. Nothing here decides whether it may.

export function newState(): ContainerState {
  return {
    status: 'created',
    pid: 0,
    exitCode: 0,
    error: '',
    oomKilled: false,
    startedAt: never,
    finishedAt: never,
    restartCount: 0,
    stoppedByUser: false,
  };
}

export function afterStart(
  before: ContainerState,
  pid: number,
  startedAt: string,
  restarted: boolean,
): ContainerState {
  const fresh = { ...before };
  delete fresh.health;
  delete fresh.probes;
  delete fresh.stoppedForChange;
  return {
    ...fresh,
    status: 'running',
    pid,
    exitCode: 0,
    error: '',
    oomKilled: false,
    startedAt,
    stoppedByUser: false,
    restartCount: restarted ? before.restartCount : 0,
  };
}

export function afterExit(
  before: ContainerState,
  exit: Pick<ContainerState, 'exitCode' | 'oomKilled'> & {
    exitedAt: string;
    memory?: { limit: number; peak: number };
  },
  willRestart: boolean,
): ContainerState {
  const health =
    before.health === undefined ? {} : { health: { ...before.health, status: 'unhealthy' as const } };
  return {
    ...before,
    ...health,
    status: willRestart ? 'restarting' : 'exited',
    pid: 0,
    exitCode: exit.exitCode,
    // The kernel stamps files by a coarse clock, which may be some milliseconds behind.
    finishedAt: exit.exitedAt < before.startedAt ? before.startedAt : exit.exitedAt,
    oomKilled: exit.oomKilled,
    ...(exit.memory === undefined ? {} : { oomMemory: exit.memory }),
    restartCount: willRestart ? before.restartCount + 1 : before.restartCount,
  };
}

/** A start that failed: the container is where it was, with the reason and the exit code that clients show. */
export function afterFailedStart(before: ContainerState, exitCode: number, error: string): ContainerState {
  return {
    ...before,
    status: before.status === 'restarting' ? 'exited' : before.status,
    pid: 0,
    exitCode,
    error,
  };
}

/** Whether a main process exists: what Docker calls Running (a paused or restarting container counts too). */
export function isActive(container: Container): boolean {
  return ['running', 'paused', 'restarting'].includes(container.state.status);
}

/** Whether there is a process now. */
export function hasProcess(container: Container): boolean {
  return container.state.status === 'running' || container.state.status === 'paused';
}
