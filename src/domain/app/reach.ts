import type { AppModel, Port, Service } from './model.ts';
import type { ObservedApp } from './observed.ts';
import type { Step } from './step.ts';
import type { AppTarget } from './target.ts';

/** How others reach a service: what it holds as a whole, whatever comes and goes of its containers. */
export interface ServiceReach {
  /** Networks by the name that they have on this engine; the one that leads outside first. */
  networks: { name: string; aliases: string[] }[];
  mode: 'vip' | 'dnsrr';
  /** Seconds for which a client keeps its replica. */
  affinity?: number;
  portNames: { name?: string; port: number; protocol: Port['protocol'] }[];
  /** Of the host. */
  ports: Port[];
  /** Addresses that containers of the app are given by hand. */
  avoid: string[];
}

/** Whether a service is reached as a whole: not one in another's network, nor one that runs at times only. */
export function isReached(service: Service): boolean {
  return service.networkMode === undefined && service.networks.length > 0 && service.schedule === undefined;
}

export function reachOf(model: AppModel, service: Service): ServiceReach | undefined {
  if (!isReached(service)) return undefined;
  const byGateway = service.networks.toSorted(
    (one, other) => (other.gatewayPriority ?? 0) - (one.gatewayPriority ?? 0),
  );
  return {
    networks: byGateway.map(({ network, aliases }) => ({
      name: model.networks[network]?.name ?? network,
      aliases,
    })),
    mode: service.deploy?.endpointMode ?? 'vip',
    ...(service.affinity === undefined ? {} : { affinity: service.affinity }),
    portNames: [...service.ports.map(namedPort), ...exposedOnly(service)],
    ports: service.ports,
    avoid: Object.values(model.services)
      .flatMap(({ networks }) => networks)
      .flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6])
      .filter((address) => address !== undefined),
  };
}

function namedPort({ name, target, protocol }: Port): ServiceReach['portNames'][number] {
  return { port: target, protocol, ...(name === undefined ? {} : { name }) };
}

/** `expose` */
function exposedOnly(service: Service): ServiceReach['portNames'] {
  return Object.keys(service.container.ExposedPorts ?? {}).map((text) => {
    const [port, protocol] = text.split('/');
    return { port: Number(port), protocol: protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp' };
  });
}

/** Before any container changes: places of services that are gone are given up, so that others may have their ports. */
export function reachSteps(observed: ObservedApp, target: AppTarget): Step[] {
  const wanted = new Map(target.services.map((one) => [one.name, one.reach?.hash]));
  const withdrawals = Object.keys(observed.reaches)
    .filter((service) => wanted.get(service) === undefined)
    .map((service): Step => ({
      kind: 'withdraw-service',
      service,
      reason: 'it is no longer reached as a service',
    }));
  const places = target.services.flatMap(({ name, reach }): Step[] => {
    const before = observed.reaches[name];
    if (reach === undefined || before === reach.hash) return [];
    const reason = before === undefined ? 'new' : 'its ports, names or networks changed';
    return [{ kind: 'place-service', service: name, reason }];
  });
  return [...withdrawals, ...places];
}
