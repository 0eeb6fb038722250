import type { Container, Endpoint } from '#domain/container/container.ts';
import type { Network } from '#domain/network/network.ts';

interface Joined {
  container: Container;
  endpoint: Endpoint;
}

/** Docker's Network. A list shows it without the containers. */
export function networkJson(network: Network, joined: readonly Joined[]): object {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: network.scope,
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: network.ipv6,
    IPAM: {
      Driver: 'default',
      Options: Object.keys(network.ipamOptions).length === 0 ? null : network.ipamOptions,
      Config: network.pools.length === 0 ? null : poolsJson(network),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(joined.map((each) => [each.container.id, joinedJson(each)])),
    Options: optionsJson(network),
    Labels: network.labels,
  };
}

/** Docker names the bridge of the network that every engine has. */
function optionsJson({ name, options, bridge }: Network): Network['options'] {
  return name === 'bridge' ? { ...options, 'com.docker.network.bridge.name': bridge } : options;
}

function poolsJson({ pools }: Network): object[] {
  return pools.map((pool) => ({
    Subnet: pool.subnet,
    ...(pool.ipRange !== undefined && { IPRange: pool.ipRange }),
    Gateway: pool.gateway,
    ...(pool.auxiliary !== undefined && { AuxiliaryAddresses: pool.auxiliary }),
  }));
}

function joinedJson({ container, endpoint }: Joined): object {
  const cidr = (address: string, prefix: number): string => (address === '' ? '' : `${address}/${prefix}`);
  return {
    Name: container.name,
    EndpointID: endpoint.endpointId,
    MacAddress: endpoint.macAddress,
    IPv4Address: cidr(endpoint.ipAddress, endpoint.prefixLength),
    IPv6Address: cidr(endpoint.ip6Address, endpoint.ip6PrefixLength),
  };
}
