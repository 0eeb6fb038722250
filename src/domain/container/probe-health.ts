import type { ContainerState, HealthStatus, ProbeResult } from './container.ts';
import { afterResult, mayServe, mustGo, type ProbeRole, type Probes, type ProbeStates } from './probe.ts';

type Health = NonNullable<ContainerState['health']>;

const keptResults = 5;

/** The probes in Docker's words: not ready for the first time is `starting`, no longer ready `unhealthy`. */
export function healthOf(probes: Probes, states: ProbeStates): HealthStatus {
  if (mustGo(states) || states.readiness?.passing === false) return 'unhealthy';
  return mayServe(probes, states) ? 'healthy' : 'starting';
}

/** A container's state after one more result; undefined when nothing changed. */
export function probed(
  probes: Probes,
  state: ContainerState,
  role: ProbeRole,
  result: ProbeResult,
): Pick<ContainerState, 'health' | 'probes'> | undefined {
  const probe = probes[role];
  if (probe === undefined) return undefined;
  const before = state.probes?.[role];
  const success = result.ExitCode === 0;
  const now = afterResult(probe, before, success);
  if (now === before && success) return undefined;
  const states = { ...state.probes, [role]: now };
  return { probes: states, health: told(state.health, healthOf(probes, states), role, result) };
}

function told(
  before: Health | undefined,
  status: HealthStatus,
  role: ProbeRole,
  result: ProbeResult,
): Health {
  const said = { ...result, Output: `${role}: ${result.Output}` };
  const log = [...(before?.log ?? []), said].slice(-keptResults);
  const failingStreak = result.ExitCode === 0 ? 0 : (before?.failingStreak ?? 0) + 1;
  return { status, failingStreak, log };
}
