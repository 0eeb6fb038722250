import type { AppModel, Service } from '#domain/app/model.ts';
import type { Allow, Direction, Policy, PolicyPort, Protocol } from './model.ts';
import { isPeer, selects } from './selectors.ts';

/** A service as policies see it. */
export interface PolicedService {
  app: string;
  service: string;
  labels: Record<string, string>;
  ports: { name: string; port: number; protocol: Protocol }[];
  /** Names of networks on this engine. */
  networks: string[];
  /** Of its app, those that select it. */
  policies: Policy[];
}

export interface PolicyWorld {
  services: PolicedService[];
}

/** An allow with the policy that has it. */
export interface Granted {
  policy: Policy;
  allow: Allow;
}

/** The services of an app. */
export function policedServices(model: AppModel): PolicedService[] {
  const services = Object.values(model.services);
  const policies = [...(model.policy ?? []), ...services.flatMap((one) => one.policy ?? [])];
  return services.map((service) => {
    const seen = { service: service.name, labels: labelsOf(model.name, service) };
    return {
      app: model.name,
      ...seen,
      ports: service.ports.flatMap(({ name, target, protocol }) =>
        name === undefined ? [] : [{ name, port: target, protocol }],
      ),
      networks: service.networks.map(({ network }) => model.networks[network]?.name ?? network),
      policies: policies.filter((policy) => selects(policy, seen)),
    };
  });
}

/** Its own, and what tells which service it is. */
function labelsOf(app: string, { name, container }: Service): Record<string, string> {
  return {
    ...container.Labels,
    'berth.app': app,
    'berth.service': name,
    'com.docker.compose.project': app,
    'com.docker.compose.service': name,
    'io.kompose.service': name,
  };
}

/** What is allowed in a direction that some policy has closed, and who closed it; undefined when it is open. */
export function grantsOf(
  service: PolicedService,
  direction: Direction,
): { closedBy: Policy; granted: Granted[] } | undefined {
  const [closedBy] = service.policies.filter(
    (policy) => policy[direction] !== undefined && policy.addsOnly !== true,
  );
  if (closedBy === undefined) return undefined;
  const granted = service.policies.flatMap((policy) =>
    (policy[direction] ?? []).map((allow) => ({ policy, allow })),
  );
  return { closedBy, granted };
}

/** The services that one of the peers means; `own` is the policy's app. */
export function peersIn(
  world: PolicyWorld,
  own: string,
  peer: NonNullable<Allow['peers']>[number],
): PolicedService[] {
  return world.services.filter((other) => isPeer(peer, own, other));
}

/** A port in numbers, as the service that is called has it; undefined when it has none of that name. */
export function numbered(
  port: PolicyPort,
  called: PolicedService,
): { protocol: Protocol; first: number; last: number } | undefined {
  if (!('name' in port)) return port;
  const found = called.ports.find((one) => one.name === port.name && one.protocol === port.protocol);
  return found && { protocol: port.protocol, first: found.port, last: found.port };
}
