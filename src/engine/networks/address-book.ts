import { conflict, forbidden, notFound } from '#base/errors.ts';
import type { Endpoint } from '#domain/container/container.ts';
import {
  contains,
  formatAddress,
  macOf,
  parseAddress,
  parseSubnet,
  type Address,
  type Subnet,
} from '#domain/network/cidr.ts';
import type { AddressPool, Network } from '#domain/network/network.ts';
import { lastFree, nextFree } from '#domain/network/pools.ts';

/** A container's place in a network while it holds addresses there. */
export interface Lease {
  containerId: string;
  network: Network;
  endpoint: Endpoint;
  carriesDefaultRoute: boolean;
}

interface PoolState {
  subnet: Subnet;
  range: Subnet | undefined;
  gateway: string;
  taken: Set<bigint>;
  last: bigint | undefined;
}

/** Who has which address. In memory only: after a restart the running containers tell. */
export class AddressBook {
  readonly #pools = new Map<string, PoolState[]>();
  readonly #byAddress = new Map<string, Lease>();
  readonly #byContainer = new Map<string, Lease[]>();

  addNetwork(network: Network): void {
    this.#pools.set(network.id, network.pools.map(poolState));
  }

  removeNetwork(id: string): void {
    this.#pools.delete(id);
  }

  /** The container that has this address. */
  holder(address: string): Lease | undefined {
    return this.#byAddress.get(address);
  }

  ofContainer(containerId: string): Lease[] {
    return this.#byContainer.get(containerId) ?? [];
  }

  inNetwork(networkId: string): Lease[] {
    return [...this.#byContainer.values()].flat().filter((lease) => lease.network.id === networkId);
  }

  /**
   * Gives the endpoint addresses in each pool of the network and enters it.
   * @throws forbidden `address-taken`, conflict `addresses-exhausted`, not-found for a network that is going
   */
  lease(containerId: string, network: Network, draft: Endpoint, carriesDefaultRoute: boolean): Lease {
    if (!this.#pools.has(network.id)) throw notFound('network-missing', `network ${network.name} not found`);
    const chosen: { pool: PoolState; address: Address }[] = [];
    for (const version of [4, 6] as const) {
      const pools = this.#poolsOf(network.id).filter((pool) => pool.subnet.version === version);
      if (pools.length > 0) chosen.push(choose(pools, wantedOf(draft, version), network));
    }
    const endpoint = withAddresses(draft, chosen);
    for (const { pool, address } of chosen) pool.last = address.value;
    const lease = { containerId, network, endpoint, carriesDefaultRoute };
    this.enter(lease);
    return lease;
  }

  /** Enters a lease whose addresses are given. */
  enter(lease: Lease): void {
    for (const address of addressesOf(lease.endpoint)) {
      this.#byAddress.set(address, lease);
      this.#poolOf(lease, address)?.taken.add(parseAddress(address).value);
    }
    this.#byContainer.set(lease.containerId, [...this.ofContainer(lease.containerId), lease]);
  }

  /** Idempotent. */
  release(lease: Lease): void {
    const rest = this.ofContainer(lease.containerId).filter((other) => other !== lease);
    if (rest.length === 0) this.#byContainer.delete(lease.containerId);
    else this.#byContainer.set(lease.containerId, rest);
    for (const address of addressesOf(lease.endpoint)) {
      if (this.#byAddress.get(address) !== lease) continue;
      this.#byAddress.delete(address);
      this.#poolOf(lease, address)?.taken.delete(parseAddress(address).value);
    }
  }

  /**
   * One address of each kind that the network has, for a service: `known` ones where they are free, else the
   * highest that are neither taken nor in `avoid`.
   * @throws conflict `addresses-exhausted`
   */
  reserve(network: Network, known: readonly string[], avoid: readonly string[]): string[] {
    const avoided = avoid.map((address) => parseAddress(address).value);
    const chosen: { pool: PoolState; address: Address }[] = [];
    for (const version of [4, 6] as const) {
      const pools = this.#poolsOf(network.id).filter((pool) => pool.subnet.version === version);
      if (pools.length === 0) continue;
      const found = again(pools, known) ?? highest(pools, avoided);
      if (found === undefined) throw exhausted(network);
      chosen.push(found);
    }
    for (const { pool, address } of chosen) pool.taken.add(address.value);
    return chosen.map(({ address }) => formatAddress(address));
  }

  /** Gives up what `reserve` gave. Idempotent. */
  free(networkId: string, addresses: readonly string[]): void {
    for (const address of addresses.map(parseAddress))
      this.#poolsOf(networkId)
        .find((pool) => contains(pool.subnet, address))
        ?.taken.delete(address.value);
  }

  #poolsOf(networkId: string): PoolState[] {
    return this.#pools.get(networkId) ?? [];
  }

  #poolOf(lease: Lease, address: string): PoolState | undefined {
    return this.#poolsOf(lease.network.id).find((pool) => contains(pool.subnet, parseAddress(address)));
  }
}

function poolState(pool: AddressPool): PoolState {
  const reserved = [pool.gateway, ...Object.values(pool.auxiliary ?? {})];
  return {
    subnet: parseSubnet(pool.subnet),
    range: pool.ipRange === undefined ? undefined : parseSubnet(pool.ipRange),
    gateway: pool.gateway,
    taken: new Set(reserved.map((address) => parseAddress(address).value)),
    last: undefined,
  };
}

export function addressesOf(endpoint: Endpoint): string[] {
  return [endpoint.ipAddress, endpoint.ip6Address].filter((address) => address !== '');
}

function wantedOf(draft: Endpoint, version: 4 | 6): string {
  const asked = draft.request.IPAMConfig;
  return (version === 4 ? asked?.IPv4Address : asked?.IPv6Address) ?? '';
}

function choose(pools: PoolState[], wanted: string, network: Network): { pool: PoolState; address: Address } {
  if (wanted !== '') {
    const address = parseAddress(wanted);
    const pool = pools.find((each) => contains(each.subnet, address));
    if (pool === undefined || pool.taken.has(address.value))
      throw forbidden('address-taken', `Address already in use: ${wanted} in network ${network.name}`);
    return { pool, address };
  }
  for (const pool of pools) {
    const address = nextFree(pool.subnet, pool.range, pool.taken, pool.last);
    if (address !== undefined) return { pool, address };
  }
  throw exhausted(network);
}

function exhausted(network: Network): Error {
  return conflict(
    'addresses-exhausted',
    `no available addresses on this network's address pools: ${network.name} (${network.id})`,
    { hint: 'remove containers of this network, or make one with a larger subnet' },
  );
}

function again(
  pools: PoolState[],
  known: readonly string[],
): { pool: PoolState; address: Address } | undefined {
  for (const address of known.map(parseAddress)) {
    const pool = pools.find((each) => contains(each.subnet, address));
    if (pool !== undefined && !pool.taken.has(address.value)) return { pool, address };
  }
  return undefined;
}

function highest(
  pools: PoolState[],
  avoided: readonly bigint[],
): { pool: PoolState; address: Address } | undefined {
  for (const pool of pools) {
    const address = lastFree(pool.subnet, pool.range, new Set([...pool.taken, ...avoided]));
    if (address !== undefined) return { pool, address };
  }
  return undefined;
}

function withAddresses(draft: Endpoint, chosen: { pool: PoolState; address: Address }[]): Endpoint {
  const v4 = chosen.find(({ address }) => address.version === 4);
  const v6 = chosen.find(({ address }) => address.version === 6);
  const low = { version: 4, value: (v4 ?? v6)?.address.value ?? 0n } as const;
  const automatic = macOf(formatAddress({ ...low, value: low.value & 0xffff_ffffn }));
  const asked = draft.request.MacAddress ?? '';
  return {
    ...draft,
    macAddress: asked === '' ? automatic : asked.toLowerCase().replaceAll('-', ':'),
    ipAddress: v4 === undefined ? '' : formatAddress(v4.address),
    prefixLength: v4?.pool.subnet.prefix ?? 0,
    gateway: v4?.pool.gateway ?? '',
    ip6Address: v6 === undefined ? '' : formatAddress(v6.address),
    ip6PrefixLength: v6?.pool.subnet.prefix ?? 0,
    ip6Gateway: v6?.pool.gateway ?? '',
  };
}
