import { conflict, notFound } from '#base/errors.ts';
import type { AppModel, Service } from './model.ts';
import { replicasOf, type AppTarget } from './target.ts';

/** Numbers of replicas that hold instead of the file's, by service. */
export type Scale = Readonly<Record<string, ScaleOverride | undefined>>;

export interface ScaleOverride {
  replicas: number;
  /** What the file said when it was set: once the file says something else, the file holds again. */
  inFile: number;
  /** Who set it: a user of this machine, `berth` ... */
  by: string;
}

/** Who sets the scale of services that have `x-berth.autoscale`. */
export const autoscaling = 'autoscaling';

/** Replicas of a service: what was set, else what the file says; an autoscaled one keeps to its bounds. */
export function countOf({ replicas, autoscale }: Service, override?: ScaleOverride): number {
  const count = override?.replicas ?? replicas;
  return autoscale === undefined ? count : Math.min(Math.max(count, autoscale.min), autoscale.max);
}

/** What becomes of numbers that a person asks for, where it is something else. */
export function boundNotes(model: AppModel, counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts).flatMap(([name, replicas]) => {
    const { autoscale } = model.services[name] ?? {};
    if (autoscale === undefined) return [];
    const { min, max } = autoscale;
    const from = Math.min(Math.max(replicas, min), max);
    const bounds = from === replicas ? '' : ` instead of ${replicas}`;
    return [`${name} is autoscaled between ${min} and ${max}: it goes on from ${from}${bounds}`];
  });
}

/** What is left of a scale under a newer file, and in words what becomes of each number. */
export function keptScale(scale: Scale, model: AppModel): { scale: Scale; notes: string[] } {
  const kept: Record<string, ScaleOverride> = {};
  const notes: string[] = [];
  for (const [name, one] of Object.entries(scale)) {
    const service = model.services[name];
    if (one === undefined || service === undefined) continue;
    const { replicas: inFile, autoscale } = service;
    if (autoscale !== undefined) {
      kept[name] = { ...one, inFile };
    } else if (one.by === autoscaling) {
      notes.push(`${name} gets the ${inFile} replicas that the file says: it is not autoscaled any more`);
    } else if (inFile === one.inFile) {
      kept[name] = one;
      if (one.replicas !== inFile)
        notes.push(
          `${name} stays at ${one.replicas} replicas, as berth scale set it; the file says ${inFile}`,
        );
    } else
      notes.push(
        `${name} gets the ${inFile} replicas that the file says now, no longer the ${one.replicas} of berth scale`,
      );
  }
  return { scale: kept, notes };
}

/**
 * A scale with other numbers for some services.
 * @throws not-found `app-service-missing`; conflict `app-scale-scheduled`
 */
export function withScale(
  scale: Scale,
  model: AppModel,
  counts: Readonly<Record<string, number>>,
  by: string,
): Scale {
  const changed: Record<string, ScaleOverride | undefined> = { ...scale };
  for (const [name, replicas] of Object.entries(counts)) {
    const inFile = model.services[name]?.replicas;
    if (inFile === undefined)
      throw notFound(
        'app-service-missing',
        `the app ${model.name} has no service '${name}': it has ${Object.keys(model.services).join(', ')}`,
      );
    if (model.services[name]?.schedule !== undefined)
      throw conflict(
        'app-scale-scheduled',
        `cannot run ${replicas} replicas of the service ${name}: it runs at times, as its x-berth.schedule says`,
        { hint: `run it now: berth schedule run ${name}` },
      );
    changed[name] = { replicas, inFile, by };
  }
  return changed;
}

/**
 * The target as it is to be now, with the numbers of the scale.
 * @throws invalid `app-port-range`; conflict `app-scale-named` for a service whose container has a name of its own
 */
export function inForce(target: AppTarget, scale: Scale): AppTarget {
  const services = target.services.map((one) => {
    const service = target.model.services[one.name];
    if (service === undefined || service.schedule !== undefined) return one;
    const count = countOf(service, scale[one.name]);
    if (count === one.replicas.length) return one;
    if (count > 1 && service.containerName !== undefined)
      throw conflict(
        'app-scale-named',
        `cannot run ${count} replicas of the service ${one.name}: its container_name '${service.containerName}' names one only`,
        { hint: 'take container_name out of the compose file' },
      );
    return { ...one, replicas: replicasOf(target.model, service, count) };
  });
  return { ...target, services };
}
