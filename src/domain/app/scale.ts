import { conflict, notFound } from '#base/errors.ts';
import type { AppModel } from './model.ts';
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

/** What is left of a scale under a newer file, and in words what becomes of each number. */
export function keptScale(scale: Scale, model: AppModel): { scale: Scale; notes: string[] } {
  const kept: Record<string, ScaleOverride> = {};
  const notes: string[] = [];
  for (const [name, one] of Object.entries(scale)) {
    const inFile = model.services[name]?.replicas;
    if (one === undefined || inFile === undefined) continue;
    if (inFile === one.inFile) {
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
 * @throws not-found `app-service-missing`
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
    const count = scale[one.name]?.replicas;
    const service = target.model.services[one.name];
    if (count === undefined || service === undefined || count === one.replicas.length) return one;
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
