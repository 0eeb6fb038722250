import type { UpdateRule } from './deploy.ts';
import type { AppModel, Service } from './model.ts';
import { isReached } from './reach.ts';
import type { AppTarget } from './target.ts';

// How the containers of a service are replaced. compose's rules (`deploy.update_config`, Compose Deploy specification)
// with Berth's own beside them (`x-berth.update`). Times are in seconds.

/** `x-berth.update` of a service. */
export interface ServiceUpdate {
  strategy?: 'rolling' | 'blue-green';
  /** Wins over `deploy.update_config.order`, and over what would forbid two replicas beside each other. */
  order?: Order;
  settle?: number;
  drain?: number;
}

/** `x-berth.update` at the top of the file. */
export interface AppUpdate {
  /** Revisions that are kept. */
  history?: number;
}

export type Order = 'start-first' | 'stop-first';

export interface UpdatePolicy {
  order: Order;
  /** What makes the order stop-first. */
  because?: string;
  /** Replicas at a time; 0: all at once. */
  parallelism: number;
  /** Between two groups. */
  delay: number;
  /** For how long after it was let in a new replica's failure is the update's. */
  monitor: number;
  /** Of the wanted replicas, the part that may fail. */
  maxFailureRatio: number;
  failureAction: 'pause' | 'continue' | 'rollback';
  /** For how long a new replica must have been well before it is let in; absent: as its probes make sensible. */
  settle?: number;
  /** The most that a replica is given to end its connections before it is stopped. */
  drain: number;
}

const defaults = { drain: 10, blueGreenMonitor: 10 };

/** The target with the rules for going back: those of `deploy.rollback_config`. */
export function withRollbackPolicy(target: AppTarget): AppTarget {
  const services = target.services.map((one) => {
    const service = target.model.services[one.name];
    return service === undefined ? one : { ...one, update: updatePolicy(target.model, service, 'rollback') };
  });
  return { ...target, services };
}

/** @param kind `rollback` for `deploy.rollback_config` */
export function updatePolicy(model: AppModel, service: Service, kind: 'update' | 'rollback'): UpdatePolicy {
  const rule = service.deploy?.[kind] ?? {};
  const own = service.update ?? {};
  const isBlueGreen = own.strategy === 'blue-green';
  const order = orderOf(model, service, own.order ?? rule.order);
  return {
    ...order,
    parallelism: isBlueGreen ? 0 : (rule.parallelism ?? 1),
    delay: rule.delay ?? 0,
    monitor: rule.monitor ?? (isBlueGreen ? defaults.blueGreenMonitor : 0),
    maxFailureRatio: rule.maxFailureRatio ?? 0,
    failureAction: rule.failureAction ?? 'rollback',
    drain: own.drain ?? defaults.drain,
    ...(own.settle === undefined ? {} : { settle: own.settle }),
  };
}

function orderOf(
  model: AppModel,
  service: Service,
  asked: UpdateRule['order'],
): Pick<UpdatePolicy, 'order' | 'because'> {
  if (asked === 'stop-first') return { order: asked, because: 'the order asked for is stop-first' };
  const because = impossible(model, service) ?? (asked === undefined ? unwise(service) : undefined);
  return because === undefined ? { order: 'start-first' } : { order: 'stop-first', because };
}

/** Why two replicas cannot be there at once. */
function impossible(model: AppModel, service: Service): string | undefined {
  const fixed = service.networks.find((one) => (one.ipv4 ?? one.ipv6 ?? one.mac) !== undefined);
  if (fixed !== undefined) return `two cannot have its fixed address in the network ${fixed.network}`;
  // Ports of a service that is reached as a whole are held by the service.
  const port = isReached(service) ? undefined : service.ports.find((one) => one.published !== '');
  if (port !== undefined) return `two cannot hold the host's port ${port.published}`;
  if (service.networkMode === 'host') return "two cannot listen on the same ports of the host's network";
  const other = sharer(model, service);
  return other === undefined ? undefined : `it shares a namespace with ${other}`;
}

/** Whose namespaces it joins, or who joins its own. */
function sharer(model: AppModel, service: Service): string | undefined {
  const joinsOf = (one: Service): string[] =>
    [one.networkMode, one.host.IpcMode, one.host.PidMode].flatMap((mode) =>
      mode?.startsWith('service:') === true || mode?.startsWith('container:') === true
        ? [mode.slice(mode.indexOf(':') + 1)]
        : [],
    );
  const [joined] = joinsOf(service);
  if (joined !== undefined) return joined;
  return Object.values(model.services).find((one) => joinsOf(one).includes(service.name))?.name;
}

/** Data that two would write at once: unless several replicas do so anyway, that is for the file to allow. */
function unwise(service: Service): string | undefined {
  if (service.cpus !== undefined)
    return 'two would need twice the processors of its own; x-berth.update.order: start-first allows it';
  if (service.replicas > 1) return undefined;
  const shared = service.mounts.find(
    ({ type, source, readOnly }) => (type === 'volume' || type === 'bind') && source !== '' && !readOnly,
  );
  if (shared === undefined) return undefined;
  const what = shared.type === 'bind' ? `the folder ${shared.source}` : `the volume ${shared.source}`;
  return `two would write to ${what} at once; x-berth.update.order: start-first allows it`;
}
