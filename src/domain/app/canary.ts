import { conflict } from '#base/errors.ts';
import { replicasOf, type AppTarget, type ReplicaTarget, type ServiceTarget } from './target.ts';

/**
 * A target in which a part of the next one is tried: beside the replicas of each service that changes stand some of
 * the next revision, and services that are new are there. What the next revision no longer has stays.
 * @param base in force, with every `imageId`
 * @param next with every `imageId`
 * @param share of the replicas, above 0 and at most 1; rounded up
 * @throws conflict `app-canary-impossible` where two cannot stand beside each other; conflict `app-canary-same`
 */
export function canaryTarget(base: AppTarget, next: AppTarget, share: number): AppTarget {
  const changed = next.services.filter((one) => isChanged(serviceOf(base, one.name), one));
  if (changed.length === 0)
    throw conflict('app-canary-same', `there is nothing to try of the app ${base.app}: no service changes`);
  const services = base.services.map((one) => {
    const other = changed.find((each) => each.name === one.name);
    return other === undefined
      ? one
      : { ...one, replicas: [...one.replicas, ...canaries(one, other, next, share)] };
  });
  const added = next.services.filter((one) => serviceOf(base, one.name) === undefined);
  return {
    ...base,
    networks: [...base.networks, ...missingIn(base.networks, next.networks)],
    volumes: [...base.volumes, ...missingIn(base.volumes, next.volumes)],
    services: [...services, ...added],
  };
}

function serviceOf(target: AppTarget, name: string): ServiceTarget | undefined {
  return target.services.find((one) => one.name === name);
}

function isChanged(before: ServiceTarget | undefined, after: ServiceTarget): boolean {
  return before?.hash !== after.hash || before.imageId !== after.imageId;
}

function canaries(
  base: ServiceTarget,
  next: ServiceTarget,
  { model }: AppTarget,
  share: number,
): ReplicaTarget[] {
  const { order, because = '' } = next.update;
  const service = model.services[next.name];
  if (order === 'stop-first' || service?.containerName !== undefined)
    throw conflict(
      'app-canary-impossible',
      `the service ${next.name} cannot be tried beside its former replicas: ${because === '' ? 'its container has a name of its own' : because}`,
      { hint: 'run berth up without --canary' },
    );
  if (service === undefined) return [];
  const count = base.replicas.length;
  const { hash, image, imageId } = next;
  const canary = { hash, image, ...(imageId === undefined ? {} : { imageId }) };
  return replicasOf(model, service, count + Math.max(1, Math.ceil(count * share)))
    .slice(count)
    .map((replica) => ({ ...replica, canary }));
}

function missingIn<T extends { key: string }>(base: readonly T[], next: readonly T[]): T[] {
  const keys = new Set(base.map((one) => one.key));
  return next.filter((one) => !keys.has(one.key));
}
