import type { Container } from '#domain/container/container.ts';
import { healingRule, nextTry, type Failures, type HealingRule } from './failures.ts';
import type { Dependency, Service } from './model.ts';
import { isFailing, isWell } from './ready.ts';
import type { AppTarget, ServiceTarget } from './target.ts';

/** One thing to do so that a replica is again as wanted. */
export type Remedy =
  | { kind: 'create'; service: string; replica: number; reason: string }
  | { kind: 'start' | 'restart' | 'recreate' | 'admit' | 'retire'; container: Container; reason: string };

export interface Diagnosis {
  remedies: Remedy[];
  /** When to look again, in milliseconds since 1970; undefined when only a change can matter. */
  lookAt?: number;
  /** Something is still missing: look again at every change of the app's containers. */
  waiting: boolean;
}

export interface Patient {
  target: AppTarget;
  /** All of the app, without the containers of jobs that were run once. */
  containers: readonly Container[];
  /** By `slotOf`. */
  failures: Readonly<Record<string, Failures | undefined>>;
  /** Services that a person stopped. */
  stopped?: readonly string[];
  /** Milliseconds since 1970. */
  now: number;
}

export function slotOf(service: string, replica: number): string {
  return `${service}/${replica}`;
}

/**
 * What an app lacks, compared to its target. Level-triggered: it depends on what is, and not on how it came about. A
 * container that a person stopped stays so, as the restart policy `unless-stopped` has it; what its restart policy
 * starts again by itself is left to that.
 */
export function diagnose(patient: Patient): Diagnosis {
  const result: Diagnosis = { remedies: [], waiting: false };
  const { target, stopped = [] } = patient;
  for (const service of target.services.filter((one) => !stopped.includes(one.name)))
    for (const { replica } of service.replicas) examine(patient, service, replica, result);
  return result;
}

function examine(patient: Patient, service: ServiceTarget, replica: number, result: Diagnosis): void {
  const failures = patient.failures[slotOf(service.name, replica)];
  if (failures?.open !== undefined) return;
  const remedy = remedyFor(patient, service, replica);
  if (remedy === undefined) return;
  const isStart = ['create', 'start', 'recreate'].includes(remedy.kind);
  if (isStart && !service.dependsOn.every((one) => isMet(patient, one))) {
    result.waiting = true;
    return;
  }
  const due = nextTry(ruleOf(patient.target.model.services[service.name]), failures);
  if (due > patient.now) result.lookAt = Math.min(result.lookAt ?? due, due);
  else result.remedies.push(remedy);
  // What depends on it waits for it to be well.
  result.waiting = true;
}

export function ruleOf(service: Service | undefined): HealingRule {
  return healingRule(service?.deploy?.restart);
}

function remedyFor(
  { target, containers }: Patient,
  { name: service }: ServiceTarget,
  replica: number,
): Remedy | undefined {
  const mine = containers.filter(
    ({ identity, state }) =>
      identity?.service === service && identity.replica === replica && state.status !== 'removing',
  );
  const once = runsOnce(target.model.services[service]);
  if (mine.length === 0)
    return once ? undefined : { kind: 'create', service, replica, reason: 'it is missing' };
  // A change that was interrupted may have left two for one replica, or one that was never let in.
  const serving = mine.filter((one) => one.traffic === undefined);
  const up = serving.filter(({ state }) => ['running', 'paused', 'restarting'].includes(state.status));
  const [draining] = mine.filter(({ traffic }) => traffic === 'draining');
  if (up.length > 0 && draining !== undefined)
    return { kind: 'retire', container: draining, reason: 'its successor serves' };
  if (up.length > 0) {
    const [failing] = up.every(isFailing) ? up : [];
    return failing && { kind: 'restart', container: failing, reason: 'its probe fails' };
  }
  const [container = mine[0]] = serving;
  if (container === undefined || isWanted(container, once)) return undefined;
  if (container.state.status !== 'running') return revival(container);
  return isWell(container) ? { kind: 'admit', container, reason: 'nobody else serves' } : undefined;
}

function revival(container: Container): Remedy {
  const { status, exitCode } = container.state;
  if (status === 'dead') return { kind: 'recreate', container, reason: 'it is dead' };
  if (status === 'created') return { kind: 'start', container, reason: 'it was never started' };
  return { kind: 'start', container, reason: `it ended with exit code ${exitCode}` };
}

/** Whether a container that does not run is as it should be. */
function isWanted({ state, hostConfig }: Container, once: boolean): boolean {
  if (state.status === 'exited') {
    if (state.stoppedByUser && state.stoppedForChange !== true) return true;
    const policy = hostConfig.RestartPolicy?.Name ?? '';
    const completes = policy !== 'always' && policy !== 'unless-stopped';
    if (completes && state.exitCode === 0 && state.stoppedForChange !== true) return true;
  }
  return once && state.status !== 'created';
}

/** Whether a container, by itself, gives no reason to look at its app. */
export function isHealed(container: Container): boolean {
  return container.traffic === undefined && container.state.status === 'running' && !isFailing(container);
}

/** A job: what ended, well or not, is not run again by itself. Without a word, a service runs all the time. */
export function runsOnce(service: Service | undefined): boolean {
  const mode = service?.deploy?.mode;
  if (mode === 'replicated-job' || mode === 'global-job') return true;
  return service?.host.RestartPolicy?.Name === 'no';
}

function isMet({ target, containers, failures, stopped }: Patient, on: Dependency): boolean {
  if (stopped?.includes(on.service) === true) return true;
  const wanted = target.services.find((one) => one.name === on.service);
  return (wanted?.replicas ?? []).every(({ replica }) => {
    if (failures[slotOf(on.service, replica)]?.open !== undefined) return !on.required;
    const mine = containers.filter(
      ({ identity }) => identity?.service === on.service && identity.replica === replica,
    );
    // A job whose container is gone was completed when the app came up.
    if (on.condition === 'completed')
      return mine.length === 0 || mine.some(({ state }) => state.status === 'exited' && state.exitCode === 0);
    return mine.some((one) => {
      if (one.state.status !== 'running') return isWanted(one, runsOnce(target.model.services[on.service]));
      return on.condition === 'started' || isWell(one);
    });
  });
}
