import type { Container } from '#domain/container/container.ts';
import { resolvConfText } from '#domain/network/resolv-conf.ts';
import type { Resolver } from '#ports/resolver.ts';
import { listenAddress } from './bridges.ts';
import type { NetworkBook } from './network-book.ts';

/** resolv.conf(5) reads no more. */
const MAX_SERVERS = 3;

/** Text of a container's resolv.conf: our own name services, or else those that the host has. */
export function resolvConfOf(container: Container, networks: NetworkBook, resolver: Resolver): string {
  const { Dns, DnsSearch, DnsOptions, NetworkMode } = container.hostConfig;
  const asked = { servers: Dns ?? [], search: DnsSearch ?? [], options: DnsOptions ?? [] };
  const isPlain = Object.values(asked).every((list) => list.length === 0);
  if (NetworkMode === 'host' && isPlain) return resolver.hostFile();
  const search = asked.search.length > 0 ? asked.search : resolver.searchDomains();
  const own = nameServers(container, networks);
  if (own.length === 0) {
    const servers = asked.servers.length > 0 ? asked.servers : resolver.upstreams();
    return resolvConfText({ servers, search, options: asked.options });
  }
  const hasDots = asked.options.some((option) => option.startsWith('ndots:'));
  const options = hasDots ? asked.options : [...asked.options, 'ndots:0'];
  return resolvConfText({ servers: own, search, options });
}

/** The name services of the container's networks. */
function nameServers(container: Container, networks: NetworkBook): string[] {
  const own = container.endpoints.map((endpoint) => networks.byId(endpoint.networkId));
  const addresses = own.map((network) => (network === undefined ? undefined : listenAddress(network)));
  return addresses.filter((address) => address !== undefined).slice(0, MAX_SERVERS);
}
