import type { Container, Endpoint } from '#domain/container/container.ts';
import type { EndpointRequest } from '#domain/container/config.ts';
import type { CreateContainer, Networks } from '#engine/contracts.ts';
import { invalid, within } from '#base/errors.ts';

/** Whether the container joins the network namespace of another one. */
export function joinsContainer(container: Pick<Container, 'hostConfig'>): string | undefined {
  const mode = container.hostConfig.NetworkMode ?? '';
  return mode.startsWith('container:') ? mode.slice('container:'.length) : undefined;
}

/** Whether the container has a network namespace of its own. */
export function ownsSandbox(container: Pick<Container, 'hostConfig'>): boolean {
  return container.hostConfig.NetworkMode !== 'host' && joinsContainer(container) === undefined;
}

/**
 * The endpoints of a container that is being made: the network of its mode first, then what else the request
 * names.
 * @throws as Networks.get, Networks.endpoint
 */
export function draftEndpoints(
  networks: Networks,
  container: Container,
  request: CreateContainer,
): Endpoint[] {
  const mode = container.hostConfig.NetworkMode ?? 'bridge';
  if (mode.startsWith('container:')) refuseAddresses(request);
  if (mode.startsWith('container:') || container.config.NetworkDisabled === true) return [];
  const asked = new Map<string, EndpointRequest>([[networks.get(mode).name, {}]]);
  for (const [key, wanted] of Object.entries(request.endpoints)) {
    const name = key === 'default' ? 'bridge' : networks.get(key).name;
    if (mode !== name) refuseMixed([mode, name]);
    asked.set(name, { ...asked.get(name), ...wanted });
  }
  const who = { id: container.id, name: container.name, hostname: container.config.Hostname ?? '' };
  return [...asked].map(([name, wanted], index) => {
    const mac = index === 0 && container.config.MacAddress ? { MacAddress: container.config.MacAddress } : {};
    try {
      return networks.endpoint(who, networks.get(name), { ...mac, ...withoutEmptyMac(wanted) }, index);
    } catch (error) {
      throw within(`invalid config for network ${name}`, error);
    }
  });
}

/** Who joins the network of another container has the addresses of that. @throws invalid `endpoint-invalid` */
function refuseAddresses({ endpoints }: CreateContainer): void {
  for (const [name, asked] of Object.entries(endpoints))
    if (asked?.IPAMConfig?.IPv4Address || asked?.IPAMConfig?.IPv6Address)
      throw invalid(
        'endpoint-invalid',
        `invalid config for network ${name}: invalid endpoint settings:\nuser specified IP address is supported on user defined networks only`,
      );
}

/**
 * Refuses the networks `host` and `none` for a container in another network, too.
 * @throws invalid `network-mode` in Docker's words
 */
export function refuseMixed(names: readonly string[]): void {
  if (names.includes('host'))
    throw invalid(
      'network-mode',
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  if (names.includes('none'))
    throw invalid(
      'network-mode',
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
}

function withoutEmptyMac(wanted: EndpointRequest): EndpointRequest {
  const copy = { ...wanted };
  if (copy.MacAddress === '') delete copy.MacAddress;
  return copy;
}

/** An endpoint without the addresses that only a running container has. */
export function vacated(endpoint: Endpoint): Endpoint {
  return {
    ...endpoint,
    macAddress: '',
    ipAddress: '',
    prefixLength: 0,
    gateway: '',
    ip6Address: '',
    ip6PrefixLength: 0,
    ip6Gateway: '',
  };
}
