import type { Backend, BackendServer } from '#domain/ingress/table.ts';
import type { ServiceEndpoint } from '#engine/contracts/services.ts';

/** Where the balancer, which is in the host's network, reaches replicas. Those that it cannot reach are left out. */
export function serversOf({ port }: Backend, ready: readonly ServiceEndpoint[]): BackendServer[] {
  return ready.flatMap(({ containerId, endpoints }) => {
    const address = addressOf(endpoints);
    return address === undefined ? [] : [{ id: containerId, address, port }];
  });
}

/** Where the host reaches a container; undefined when it is in no network with the host. */
export function addressOf(endpoints: ServiceEndpoint['endpoints']): string | undefined {
  if (endpoints.some(({ networkName }) => networkName === 'host')) return '127.0.0.1';
  const found = endpoints.map(({ ipAddress, ip6Address }) => ipAddress || ip6Address);
  return found.find((address) => address !== '');
}
