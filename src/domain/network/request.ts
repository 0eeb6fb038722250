import { forbidden, invalid } from '#base/errors.ts';
import type { AddressPool } from '#domain/network/network.ts';
import {
  contains,
  formatAddress,
  formatSubnet,
  lastOf,
  overlaps,
  isSubnet,
  parseAddress,
  parseInterface,
  parseSubnet,
  type Subnet,
} from '#domain/network/cidr.ts';
import { firstOf } from '#domain/network/pools.ts';

export interface PoolRequest {
  subnet?: string;
  ipRange?: string;
  gateway?: string;
  auxiliary?: Record<string, string>;
}

const PREDEFINED = ['bridge', 'host', 'none'] as const;

export function isPredefined(name: string): boolean {
  return PREDEFINED.some((each) => each === name);
}

/** @throws invalid `network-name-invalid`; forbidden `network-predefined` */
export function checkNetworkName(name: string): void {
  if (name.trim() === '') throw invalid('network-name-invalid', 'invalid name: name is empty');
  if (isPredefined(name) || name === 'default')
    throw forbidden('network-predefined', `operation is not permitted on predefined ${name} network`);
  // Docker takes anything; such a name could not be named in a request again.
  if (/[\p{Cc}/]/u.test(name))
    throw invalid(
      'network-name-invalid',
      `invalid network name: ${JSON.stringify(name)}: '/' and control characters cannot be in it`,
    );
}

/** Refuses subnets that are none, or that have bits of a host. @throws invalid `subnet-invalid` in Docker's words */
export function checkSubnets(pools: readonly PoolRequest[]): void {
  const problems = pools.flatMap(({ subnet }) => (given(subnet) ? subnetProblems(subnet) : []));
  const [first = '', ...more] = problems;
  if (problems.length === 0) return;
  const text = more.length === 0 ? first : problems.map((problem) => `* ${problem}`).join('\n');
  throw invalid('subnet-invalid', `invalid network config:\n${text}`);
}

function subnetProblems(text: string): string[] {
  if (!isSubnet(text)) return [`invalid subnet ${text}: invalid CIDR block notation`];
  const { address, prefix } = parseInterface(text);
  const whole = parseSubnet(text);
  if (address.value === whole.base) return [];
  return [`invalid subnet ${formatAddress(address)}/${prefix}: it should be ${formatSubnet(whole)}`];
}

/** A whole pool from a request that names a subnet. @throws invalid `subnet-invalid`, `address-outside-subnet` */
export function poolOf(request: PoolRequest & { subnet: string }): AddressPool {
  const subnet = parseSubnet(request.subnet);
  checkInside(subnet, request.gateway, 'gateway');
  for (const [name, address] of Object.entries(request.auxiliary ?? {}))
    checkInside(subnet, address, `auxiliary address '${name}'`);
  const range = given(request.ipRange) ? parseSubnet(request.ipRange) : undefined;
  if (range !== undefined && !(contains(subnet, first(range)) && contains(subnet, last(range))))
    throw invalid('address-outside-subnet', `no matching subnet for range ${formatSubnet(range)}`);
  return {
    subnet: formatSubnet(subnet),
    gateway: given(request.gateway) ? request.gateway : formatAddress(firstOf(subnet)),
    ...(range === undefined ? {} : { ipRange: formatSubnet(range) }),
    ...(request.auxiliary === undefined ? {} : { auxiliary: request.auxiliary }),
  };
}

const given = (text: string | undefined): text is string => text !== undefined && text !== '';
const first = (range: Subnet) => ({ version: range.version, value: range.base });
const last = (range: Subnet) => ({ version: range.version, value: lastOf(range) });

function checkInside(subnet: Subnet, address: string | undefined, what: string): void {
  if (!given(address) || contains(subnet, parseAddress(address))) return;
  throw invalid('address-outside-subnet', `no matching subnet for ${what} ${address}`);
}

/**
 * Refuses a subnet that a person asks for when it overlaps a network of ours, or when the host already has a
 * route to it or to a part of it. A wider route of the host (to 10.0.0.0/8, say) is no obstacle.
 * @throws forbidden `pool-overlaps`
 */
export function checkOverlap(wanted: Subnet, ours: Subnet[], hostRoutes: Subnet[]): void {
  const isPart = (route: Subnet): boolean => overlaps(route, wanted) && route.prefix >= wanted.prefix;
  const taken = ours.find((other) => overlaps(other, wanted)) ?? hostRoutes.find(isPart);
  if (taken === undefined) return;
  throw forbidden(
    'pool-overlaps',
    'invalid pool request: Pool overlaps with other one on this address space',
    { hint: `${formatSubnet(wanted)} overlaps ${formatSubnet(taken)}, which is in use` },
  );
}
