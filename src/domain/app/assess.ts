import type { ObservedApp, ObservedContainer } from './observed.ts';
import { madeOf } from './pinned.ts';
import { changeReason } from './reasons.ts';
import type { ReplicaTarget, ServiceTarget } from './target.ts';

/** What there is of one replica. */
export interface Slot {
  replica: number;
  /** That its container should have. */
  name: string;
  /** Its container as it should be, if there is one. */
  current?: ObservedContainer;
  /** Out of date: they go once the current one serves. Without a current one it is one at most. */
  formers: ObservedContainer[];
  /** Why the formers are out of date. */
  reason: string;
}

/** Which container stands for which replica of a service, and which are in the way. */
export interface Assessment {
  target: ServiceTarget;
  slots: Slot[];
  /** Doubles that a broken run left, and replicas beyond the wanted number. */
  surplus: Surplus[];
}

export interface Surplus {
  container: ObservedContainer;
  reason: string;
}

export function assess(observed: ObservedApp, target: ServiceTarget): Assessment {
  const mine = observed.containers.filter((one) => one.service === target.name && one.status !== 'removing');
  const wanted = target.replicas.length;
  const beyond = mine.filter((one) => one.replica > wanted);
  const surplus = beyond.map((container) => ({ container, reason: `scaled to ${wanted}` }));
  const slots = target.replicas.map((replica) => {
    const here = mine.filter((one) => one.replica === replica.replica);
    return slotOf(observed, target, replica, here, surplus);
  });
  return { target, slots, surplus };
}

function slotOf(
  observed: ObservedApp,
  target: ServiceTarget,
  replica: ReplicaTarget,
  containers: ObservedContainer[],
  surplus: Surplus[],
): Slot {
  const judged = containers
    .toSorted((a, b) => rank(a) - rank(b) || (a.created < b.created ? 1 : -1))
    .map((container) => ({ container, reason: outdatedReason(observed, target, replica, container) }));
  const formers = judged.flatMap(({ container, reason }) => (reason === undefined ? [] : [container]));
  const upToDate = judged.flatMap(({ container, reason }) => (reason === undefined ? [container] : []));
  const leftOver = (container: ObservedContainer): void =>
    void surplus.push({ container, reason: 'left over from an interrupted change' });
  const isBroken = (one: ObservedContainer): boolean => isBrokenOff(one, formers);
  const [current, ...doubles] = upToDate.filter((one) => !isBroken(one));
  for (const one of [...upToDate.filter(isBroken), ...doubles]) leftOver(one);
  const reason = judged.find((one) => one.reason !== undefined)?.reason ?? '';
  const slot = { replica: replica.replica, name: replica.name, reason };
  if (current !== undefined) return { ...slot, current, formers };
  for (const one of formers.slice(1)) leftOver(one);
  return { ...slot, formers: formers.slice(0, 1) };
}

/** The best stands for the replica: who serves, then who runs. */
function rank(container: ObservedContainer): number {
  if (container.status !== 'running') return 4;
  return (container.traffic === undefined ? 0 : 1) + (container.health === 'unhealthy' ? 2 : 0);
}

/** An update ended before it was let in, and it is not on its way to be well: a new one is the surer way. */
function isBrokenOff(
  { traffic, status, health }: ObservedContainer,
  formers: readonly ObservedContainer[],
): boolean {
  if (status === 'paused') return formers.length > 0;
  return formers.some(isUp) && traffic === 'held' && (status !== 'running' || health === 'unhealthy');
}

function outdatedReason(
  observed: ObservedApp,
  target: ServiceTarget,
  replica: ReplicaTarget,
  container: ObservedContainer,
): string | undefined {
  if (container.status === 'dead') return 'the container is dead';
  const { hash, image, imageId = observed.images[image] } = madeOf(target, replica);
  if (container.hash !== hash) return changeReason(container.hash, observed.last[target.name], target);
  return imageId !== undefined && imageId !== container.imageId ? 'image digest changed' : undefined;
}

export function isUp(container: ObservedContainer): boolean {
  return ['running', 'paused', 'restarting'].includes(container.status);
}

/** It may be getting requests now. */
export function isServing(container: ObservedContainer): boolean {
  return isUp(container) && container.traffic === undefined;
}

/** A paused container is not probed, so nothing can be said of it. */
export function isUnwell({ status, health }: ObservedContainer): boolean {
  const probed = status === 'running' || status === 'restarting';
  return probed && (health === 'starting' || health === 'unhealthy');
}
