// Probes as Kubernetes has them (kubernetes.io, "Configure Liveness, Readiness and Startup Probes"): startup gates the
// other two; readiness decides about requests only; a liveness that fails has the container made anew.

export type ProbeRole = 'startup' | 'readiness' | 'liveness';

export const probeRoles: readonly ProbeRole[] = ['startup', 'readiness', 'liveness'];

/** A look from the host at the container's address. */
export type NetworkProbe =
  | { kind: 'http'; port: number; path: string; scheme: 'http' | 'https'; headers: [string, string][] }
  | { kind: 'tcp'; port: number }
  /** grpc.health.v1.Health/Check; '' asks about the server as a whole. */
  | { kind: 'grpc'; port: number; service: string };

export type ProbeAction = { kind: 'exec'; command: string[] } | NetworkProbe;

/** Times in milliseconds. */
export interface Probe {
  action: ProbeAction;
  /** From the container's start. */
  initialDelay: number;
  period: number;
  timeout: number;
  successThreshold: number;
  failureThreshold: number;
}

export type Probes = { [role in ProbeRole]?: Probe };

/** What a probe has found so far. */
export interface ProbeState {
  /** Undefined until one of the thresholds is reached for the first time. */
  passing?: boolean;
  /** Results of one kind in a row: above 0 successes, below 0 failures. */
  streak: number;
}

export type ProbeStates = { [role in ProbeRole]?: ProbeState };

/** Milliseconds from now until the first look. @param ranFor since the container's start */
export function firstLookIn(probe: Probe, ranFor: number): number {
  return Math.max(0, probe.initialDelay - ranFor);
}

/** Which probes look now: startup alone until it has passed; none any more once it has failed. */
export function activeRoles(probes: Probes, states: ProbeStates): ProbeRole[] {
  const { startup } = probes;
  if (startup !== undefined && states.startup?.passing !== true)
    return states.startup?.passing === false ? [] : ['startup'];
  return probeRoles.filter((role) => role !== 'startup' && probes[role] !== undefined);
}

/** The same object when the result changes nothing: it need not be stored then. */
export function afterResult(probe: Probe, before: ProbeState | undefined, success: boolean): ProbeState {
  const { streak, passing } = before ?? { streak: 0 };
  const limit = success ? probe.successThreshold : probe.failureThreshold;
  const inRow = Math.min(limit, (success === streak > 0 ? Math.abs(streak) : 0) + 1);
  const next: ProbeState = { streak: success ? inRow : -inRow };
  const decided = inRow >= limit ? success : passing;
  if (decided !== undefined) next.passing = decided;
  return before?.passing === next.passing && before?.streak === next.streak ? before : next;
}

/** Whether requests may come: a readiness that nobody defined passes once the container has started up. */
export function mayServe(probes: Probes, states: ProbeStates): boolean {
  if (probes.startup !== undefined && states.startup?.passing !== true) return false;
  return probes.readiness === undefined || states.readiness?.passing === true;
}

/** Whether the container must be made anew: it did not start up in time, or its liveness fails. */
export function mustGo(states: ProbeStates): boolean {
  return states.startup?.passing === false || states.liveness?.passing === false;
}
