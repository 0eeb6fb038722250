import { conflict, notFound } from '#base/errors.ts';
import { assess, isUp, type Assessment } from './assess.ts';
import { buildOrder } from './build-contexts.ts';
import type { ObservedApp, ObservedContainer } from './observed.ts';
import { reachSteps } from './reach.ts';
import { Rollout } from './rollout.ts';
import { removal, stop } from './service-rollout.ts';
import type { Step } from './step.ts';
import type { AppTarget, ServiceTarget } from './target.ts';

export interface PlanOptions {
  /** Build images again whose context did not change. */
  rebuild: boolean;
  /** Services whose containers are made anew although they are as they should be. */
  renew?: ReadonlySet<string>;
  /** Services that a person stopped: their containers stay as they are. */
  stopped?: ReadonlySet<string>;
}

/**
 * The steps from what was observed to the target, in order; empty when nothing is to be done. Level-triggered:
 * run it again on what a crash left behind, and it gives what is still missing.
 * @throws conflict `app-network-changed`, `app-volume-changed`; not-found `app-external-missing`, `app-image-missing`
 */
export function plan(observed: ObservedApp, target: AppTarget, options: PlanOptions): Step[] {
  const ground = groundSteps(observed, target);
  const services = new Map(target.services.map((one) => [one.name, assess(observed, one)]));
  const { steps, cleanUp } = new Rollout(observed, target, services, options).steps();
  return [
    ...allImageSteps(observed, target, options),
    ...ground,
    ...droppedStops(observed, services),
    ...steps,
    ...cleanUp,
    ...orphans(observed, target).map((old) => removal(old, dropped)),
    ...orphanNetworks(observed, target),
  ];
}

/**
 * What containers need before they can be made: networks, volumes, the addresses of services.
 * @throws as `plan`
 */
export function groundSteps(observed: ObservedApp, target: AppTarget): Step[] {
  checkShared(observed, target);
  return [...sharedSteps(observed, target), ...reachSteps(observed, target)];
}

const dropped = 'the service is no longer in the file';

/** Services that share an image need it once; one that another service builds is not looked for elsewhere. */
function allImageSteps(observed: ObservedApp, target: AppTarget, options: PlanOptions): Step[] {
  const built = new Set(target.services.flatMap(({ build, image }) => (build === undefined ? [] : [image])));
  const done = new Set<string>();
  return inBuildOrder(target).flatMap((service) => {
    const { image, build, imageId, buildFingerprint } = service;
    if (build === undefined && imageId === undefined && built.has(image)) return [];
    const steps = imageSteps(observed, service, options);
    const key = `${image} ${buildFingerprint}`;
    if (steps.length === 0 || done.has(key)) return [];
    done.add(key);
    return steps;
  });
}

function inBuildOrder({ services }: AppTarget): ServiceTarget[] {
  const result = buildOrder(services);
  if ('order' in result)
    return result.order.flatMap((name) => services.find((service) => service.name === name) ?? []);
  throw conflict(
    'app-build-cycle',
    `services are built from each other's images in a circle: ${result.cycle.join(' -> ')}`,
  );
}

function imageSteps(observed: ObservedApp, service: ServiceTarget, options: PlanOptions): Step[] {
  const { image, name } = service;
  const here = observed.images[image] !== undefined;
  if (observed.fresh.has(image)) return [];
  if (service.imageId !== undefined) return checkPinned(observed, service);
  const step = (kind: 'pull-image' | 'build-image', reason: string): Step[] => [
    { kind, service: name, image, reason },
  ];
  if (service.build !== undefined) {
    if (!here) return step('build-image', 'new');
    if (options.rebuild || service.pullPolicy === 'build') return step('build-image', 'asked for');
    const same = observed.last[name]?.buildFingerprint === service.buildFingerprint;
    return same ? [] : step('build-image', 'build context changed');
  }
  if (service.pullPolicy === 'always') return step('pull-image', 'pull_policy is always');
  if (here) return [];
  if (service.pullPolicy !== 'never') return step('pull-image', 'missing');
  throw notFound(
    'app-image-missing',
    `the image '${image}' of the service ${name} is not here and pull_policy is never`,
    {
      hint: `load it, or pull it: docker pull ${image}`,
    },
  );
}

/** @throws not-found `app-image-missing` for an image that is pinned and gone */
export function checkPinned(
  observed: Pick<ObservedApp, 'imageIds'>,
  { name, image, imageId = '' }: Pick<ServiceTarget, 'name' | 'image' | 'imageId'>,
): [] {
  if (observed.imageIds.has(imageId)) return [];
  throw notFound(
    'app-image-missing',
    `the image of the service ${name}, '${image}' with the id ${imageId}, is not here any more`,
    { hint: 'run berth up: it pulls or builds the image again' },
  );
}

function checkShared(observed: ObservedApp, target: AppTarget): void {
  const networks = new Map(observed.networks.map((one) => [one.name, one]));
  const volumes = new Map(observed.volumes.map((one) => [one.name, one]));
  for (const [noun, wanted, found] of [
    ...target.networks.map((one) => ['network', one, networks.get(one.name)] as const),
    ...target.volumes.map((one) => ['volume', one, volumes.get(one.name)] as const),
  ]) {
    if (wanted.external && found === undefined)
      throw notFound('app-external-missing', `the external ${noun} '${wanted.name}' does not exist`, {
        hint: `create it: docker ${noun} create ${wanted.name}`,
      });
    if (wanted.external || found?.app !== target.app || found.hash === wanted.hash) continue;
    throw conflict(
      `app-${noun}-changed`,
      `the ${noun} '${wanted.name}' exists with other settings than the file now says`,
      {
        hint:
          noun === 'network'
            ? 'run berth down, then berth up'
            : 'back up its data, remove it (docker volume rm), then run berth up',
      },
    );
  }
}

function sharedSteps(observed: ObservedApp, target: AppTarget): Step[] {
  const networks = new Set(observed.networks.map((one) => one.name));
  const volumes = new Set(observed.volumes.map((one) => one.name));
  const reason = 'new';
  return [
    ...target.networks
      .filter((one) => !one.external && !networks.has(one.name))
      .map((one): Step => ({ kind: 'create-network', network: one.key, name: one.name, reason })),
    ...target.volumes
      .filter((one) => !one.external && !volumes.has(one.name))
      .map((one): Step => ({ kind: 'create-volume', volume: one.key, name: one.name, reason })),
  ];
}

/** A dropped service is stopped first, because it may hold a port, and removed last. */
function droppedStops(observed: ObservedApp, services: ReadonlyMap<string, Assessment>): Step[] {
  return observed.containers
    .filter((one) => !services.has(one.service) && isUp(one))
    .map((one) => stop(one, dropped));
}

function orphans(observed: ObservedApp, target: AppTarget): ObservedContainer[] {
  const wanted = new Set(target.services.map((one) => one.name));
  return observed.containers.filter((one) => !wanted.has(one.service) && one.status !== 'removing');
}

function orphanNetworks(observed: ObservedApp, target: AppTarget): Step[] {
  const wanted = new Set(target.networks.map((one) => one.name));
  return observed.networks
    .filter((one) => one.app === target.app && !wanted.has(one.name))
    .map((one): Step => ({ kind: 'remove-network', name: one.name, reason: 'no service uses it any more' }));
}
