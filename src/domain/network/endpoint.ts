import { invalid } from '#base/errors.ts';
import type { EndpointRequest } from '#domain/container/config.ts';
import type { Endpoint } from '#domain/container/container.ts';
import { endpointOptions } from '#domain/network/endpoint-options.ts';
import type { Network } from '#domain/network/network.ts';
import { contains, isAddress, parseAddress, parseSubnet } from '#domain/network/cidr.ts';

/** Whether containers get links of their own in a network: in all but the host's and none. */
export function hasLinks(network: Network): boolean {
  return network.driver !== 'host' && network.driver !== 'null';
}

/** Whether a default route can lead through a network. */
export function hasWayOut(network: Network | undefined): boolean {
  return network !== undefined && hasLinks(network) && !network.internal && network.parent?.made !== 'pair';
}

/** What Docker calls a user defined network: one with links, other than the default bridge. */
function isOwn(network: Network): boolean {
  return hasLinks(network) && network.name !== 'bridge';
}

/** A network on which containers find each other by name: every bridge but the default one, as in Docker. */
export function resolvesNames(network: Network): boolean {
  return network.driver === 'bridge' && network.name !== 'bridge';
}

/**
 * Refuses what the network cannot give, in Docker's words.
 * @throws invalid `endpoint-invalid`
 */
export function checkEndpointRequest(network: Network, request: EndpointRequest): void {
  const problems = [
    ...addressProblems(network, request),
    ...nameProblems(network, request),
    ...endpointOptions(request.DriverOpts ?? {}).problems,
  ];
  const mac = request.MacAddress ?? '';
  if (mac !== '' && !/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(mac))
    problems.push(`invalid MAC address: ${mac}`);
  if (problems.length === 0) return;
  const [first = '', ...more] = problems;
  const text = more.length === 0 ? first : problems.map((problem) => `* ${problem}`).join('\n');
  throw invalid('endpoint-invalid', `invalid endpoint settings:\n${text}`);
}

function addressProblems(network: Network, request: EndpointRequest): string[] {
  const { IPv4Address = '', IPv6Address = '', LinkLocalIPs = [] } = request.IPAMConfig ?? {};
  const wanted = [IPv4Address, IPv6Address].filter((address) => address !== '');
  if (wanted.length > 0 && !isOwn(network))
    return ['user specified IP address is supported on user defined networks only'];
  const problems = [...formProblems(4, IPv4Address), ...formProblems(6, IPv6Address)];
  if (problems.length > 0) return problems;
  if (LinkLocalIPs.length > 0)
    problems.push(`link-local addresses (${LinkLocalIPs.join(', ')}) are not supported`);
  for (const address of wanted)
    if (!network.pools.some((pool) => contains(parseSubnet(pool.subnet), parseAddress(address))))
      problems.push(`no configured subnet or ip-range contain the IP address ${address}`);
  return problems;
}

function formProblems(version: 4 | 6, address: string): string[] {
  const isRight = isAddress(address) && address.includes(':') === (version === 6);
  return address === '' || isRight ? [] : [`invalid IPv${version} address: ${address}`];
}

function nameProblems(network: Network, request: EndpointRequest): string[] {
  const isAsked = (request.Aliases ?? []).length > 0 && !isOwn(network);
  return isAsked ? ['network-scoped alias is supported only for containers in user defined networks'] : [];
}

/**
 * The network by which a container reaches the world: the one with the highest GwPriority, of equal ones the
 * first; undefined when no network has a way out.
 * @param hasWayOut whether a network (by id) is a bridge that is not internal
 */
export function routeCarrier(
  endpoints: readonly Endpoint[],
  hasWayOut: (networkId: string) => boolean,
): string | undefined {
  const open = endpoints.filter((endpoint) => hasWayOut(endpoint.networkId));
  const priority = (endpoint: Endpoint): number => endpoint.request.GwPriority ?? 0;
  const [first, ...rest] = open;
  if (first === undefined) return undefined;
  return rest.reduce((best, each) => (priority(each) > priority(best) ? each : best), first).networkId;
}

/** Names of a container in a network, each once: its own, aliases, short id, host name. */
export function dnsNamesOf(
  container: { name: string; shortId: string; hostname: string },
  aliases: readonly string[],
): string[] {
  const all = [container.name, ...aliases, container.shortId, container.hostname];
  return [...new Set(all.filter((name) => name !== ''))];
}
