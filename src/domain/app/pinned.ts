import type { AppModel } from './model.ts';
import { canonical } from './canonical.ts';
import { appTarget, type AppTarget, type ReplicaTarget, type ServiceTarget } from './target.ts';

/** The target with the images that its names stand for now; those that are known already stay. */
export function pinned(
  target: AppTarget,
  idOf: (image: string, platform?: string) => string | undefined,
): AppTarget {
  const services = target.services.map((one) => {
    const imageId = one.imageId ?? idOf(one.image, one.platform);
    return imageId === undefined ? one : { ...one, imageId };
  });
  return { ...target, services };
}

/** The target with the image of a service to be built again, from a context that may have changed. */
export function toBeBuilt(target: AppTarget, service: string, buildFingerprint: string): AppTarget {
  const services = target.services.map((one) => {
    if (one.name !== service) return one;
    const again: ServiceTarget = { ...one, buildFingerprint };
    delete again.imageId;
    return again;
  });
  return { ...target, services };
}

/** The target with another model of the same services: their images and the contexts of their builds stay. */
export function withModel(target: AppTarget, model: AppModel): AppTarget {
  const former = new Map(target.services.map((one) => [one.name, one]));
  const next = appTarget(model, {});
  const services = next.services.map((one) => {
    const { imageId, buildFingerprint = '' } = former.get(one.name) ?? {};
    return { ...one, buildFingerprint, ...(imageId === undefined ? {} : { imageId }) };
  });
  return { ...next, services };
}

/** Whether two targets ask for the same: a build whose context changed but which gave the same image does. */
export function isSameTarget(one: AppTarget, other: AppTarget): boolean {
  return canonical(comparable(one)) === canonical(comparable(other));
}

/** What the container of a replica must have been made from. */
export function madeOf(
  service: ServiceTarget,
  replica: ReplicaTarget,
): { hash: string; image: string; imageId?: string } {
  return replica.canary ?? service;
}

function comparable(target: AppTarget): unknown {
  return { ...target, services: target.services.map((one) => ({ ...one, buildFingerprint: '' })) };
}
