import { parseAddress } from '#domain/network/cidr.ts';
import type { FilteredNetwork, Publication } from '#ports/packet-filter.ts';
import type { SetName } from './ruleset.ts';

/** A chain that is made when the first element leads to it, and goes with the last service that might. */
export interface Chain {
  name: string;
  rules: string[];
}

/** An element of a set, or of a map when it has a value. */
export interface Element {
  set: SetName;
  key: string;
  value?: string;
  /** What the value leads to. */
  chain?: Chain;
}

const isIpv6 = (text: string): boolean => text.includes(':');

export function elementsOfNetwork(network: FilteredNetwork): Element[] {
  const bridge = `"${network.bridge}"`;
  const elements: Element[] = [{ set: 'bridges', key: bridge }];
  if (network.seesBridged === true) elements.push({ set: 'bridged', key: bridge });
  if (network.internal) elements.push({ set: 'internal', key: bridge });
  if (network.interContainer) elements.push({ set: 'peers', key: `${bridge} . ${bridge}` });
  for (const subnet of network.subnets) {
    elements.push({ set: isIpv6(subnet) ? 'home6' : 'home4', key: `${subnet} . ${bridge}` });
    if (network.masquerade && !network.internal)
      elements.push({ set: isIpv6(subnet) ? 'masquerade6' : 'masquerade4', key: subnet });
  }
  return elements;
}

const WILDCARDS = ['', '0.0.0.0', '::'];

export function elementOfPublication(publication: Publication): Element {
  const { protocol, hostIp, hostPort, targetIp, targetPort } = publication;
  const version = parseAddress(targetIp).version;
  const value = `${targetIp} . ${targetPort}`;
  if (WILDCARDS.includes(hostIp))
    return { set: version === 4 ? 'any4' : 'any6', key: `${protocol} . ${hostPort}`, value };
  return {
    set: version === 4 ? 'exact4' : 'exact6',
    key: `${protocol} . ${hostIp} . ${hostPort}`,
    value,
  };
}

export const nameOf = (element: Element): string => `${element.set} ${element.key}`;

export function deletion(table: string, element: Element): string {
  return `delete element inet ${table} ${element.set} { ${element.key} }`;
}

export function addition(table: string, element: Element): string {
  const value = element.value === undefined ? '' : ` : ${element.value}`;
  return `add element inet ${table} ${element.set} { ${element.key}${value} }`;
}

/** Also right when the chain is there, as one of a daemon before. */
export function makeChain(table: string, { name, rules }: Chain): string[] {
  const chain = `inet ${table} ${name}`;
  return [`add chain ${chain}`, `flush chain ${chain}`, ...rules.map((rule) => `add rule ${chain} ${rule}`)];
}

/** No element may lead to it any more. */
export function removeChain(table: string, name: string): string[] {
  return [`flush chain inet ${table} ${name}`, `delete chain inet ${table} ${name}`];
}
