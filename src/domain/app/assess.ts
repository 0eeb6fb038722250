import type { ObservedApp, ObservedContainer } from './observed.ts';
import { changeReason } from './reasons.ts';
import type { ServiceTarget } from './target.ts';

/** Which container stands for which replica of a service, and which are in the way. */
export interface Assessment {
  target: ServiceTarget;
  /** By replica; undefined where there is none. */
  current: Map<number, ObservedContainer | undefined>;
  outdated: Map<number, string>;
  /** Out of date, replaced by this plan: they go last, so that a failure can put them back. */
  replaced: ObservedContainer[];
  /** Doubles that a broken run left, and replicas beyond the wanted number. */
  surplus: { container: ObservedContainer; reason: string }[];
}

export function assess(observed: ObservedApp, target: ServiceTarget): Assessment {
  const result: Assessment = { target, current: new Map(), outdated: new Map(), replaced: [], surplus: [] };
  const mine = observed.containers.filter((one) => one.service === target.name && one.status !== 'removing');
  const wanted = target.replicas.length;
  for (const container of mine.filter((one) => one.replica > wanted))
    result.surplus.push({ container, reason: `scaled to ${wanted}` });
  for (const { replica } of target.replicas) {
    const [best, ...others] = mine
      .filter((one) => one.replica === replica)
      .sort(
        (a, b) => rank(observed, target, a) - rank(observed, target, b) || (a.created < b.created ? 1 : -1),
      );
    result.current.set(replica, best);
    for (const container of others)
      result.surplus.push({ container, reason: 'left over from an interrupted change' });
    const reason = best === undefined ? undefined : outdatedReason(observed, target, best);
    if (reason !== undefined) result.outdated.set(replica, reason);
  }
  return result;
}

/** The best stands for the replica: up to date first, then running. */
function rank(observed: ObservedApp, target: ServiceTarget, container: ObservedContainer): number {
  const current = outdatedReason(observed, target, container) === undefined ? 0 : 2;
  return current + (container.status === 'running' ? 0 : 1);
}

function outdatedReason(
  observed: ObservedApp,
  target: ServiceTarget,
  container: ObservedContainer,
): string | undefined {
  if (container.status === 'dead') return 'the container is dead';
  if (container.hash !== target.hash) return changeReason(container.hash, observed.last[target.name], target);
  const image = target.imageId ?? observed.images[target.image];
  return image !== undefined && image !== container.imageId ? 'image digest changed' : undefined;
}

export function isUp(container: ObservedContainer): boolean {
  return ['running', 'paused', 'restarting'].includes(container.status);
}
