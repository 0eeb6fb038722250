import { lastOf, overlaps, parseSubnet, type Address, type Subnet } from '#domain/network/cidr.ts';

// Which subnet a network gets and which address an endpoint gets (IPAM), as Docker's default driver does.

/** Docker's default pools: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/20 to 192.168.240.0/20. */
export function defaultPools(): Subnet[] {
  const large = Array.from({ length: 15 }, (_, i) => parseSubnet(`172.${17 + i}.0.0/16`));
  const small = Array.from({ length: 16 }, (_, i) => parseSubnet(`192.168.${16 * i}.0/20`));
  return [...large, ...small];
}

/** What comes after Docker's pools, which 31 networks use up: 10.128.0.0/9 in 2,048 parts. */
function sparePools(): Subnet[] {
  const base = parseSubnet('10.128.0.0/9').base;
  return Array.from({ length: 2048 }, (_, i) => ({
    version: 4,
    base: base + (BigInt(i) << 12n),
    prefix: 20,
  }));
}

/**
 * The first pool that overlaps nothing in `used`. The search begins at a place that depends on the
 * instance's id (hexadecimal digits), so that instances side by side rarely want the same one.
 */
export function freePool(used: Subnet[], instanceId: string): Subnet | undefined {
  const inOrder = (pools: Subnet[]): Subnet[] => {
    const start = Number.parseInt(instanceId, 16) % pools.length;
    return [...pools.slice(start), ...pools.slice(0, start)];
  };
  const isFree = (pool: Subnet): boolean => used.every((other) => !overlaps(pool, other));
  return inOrder(defaultPools()).find(isFree) ?? inOrder(sparePools()).find(isFree);
}

/** A unique local /64 (RFC 4193) for the n-th try of this instance. */
export function uniqueLocalPool(instanceId: string, n: number): Subnet {
  const global = BigInt(`0x${instanceId}`) << 16n;
  const base = (0xfdn << 120n) | (global << 80n) | (BigInt(n) << 64n);
  return { version: 6, base, prefix: 64 };
}

/** The first address that may be given to an interface: of IPv4 the network's own address is left out. */
export function firstOf(subnet: Subnet): Address {
  return {
    version: subnet.version,
    value: subnet.prefix >= widest(subnet) - 1 ? subnet.base : subnet.base + 1n,
  };
}

const widest = (subnet: Subnet): number => (subnet.version === 4 ? 32 : 128);

/**
 * The next free address of `subnet` after `last`, wrapping around, inside `range` if given. Going on after
 * the last one given keeps an address from being used again soon, while others remember who had it.
 */
export function nextFree(
  subnet: Subnet,
  range: Subnet | undefined,
  taken: ReadonlySet<bigint>,
  last: bigint | undefined,
): Address | undefined {
  const bounds = usable(subnet, range ?? subnet);
  const after = last === undefined || last < bounds.low || last >= bounds.high ? bounds.low : last + 1n;
  const count = bounds.high - bounds.low + 1n;
  // One more than there are taken is enough to meet a free one.
  const tries = count < BigInt(taken.size) + 1n ? count : BigInt(taken.size) + 1n;
  for (let i = 0n; i < tries; i += 1n) {
    const value = bounds.low + ((after - bounds.low + i) % count);
    if (!taken.has(value)) return { version: subnet.version, value };
  }
  return undefined;
}

/**
 * The highest free address of `subnet`, inside `range` if given: for what is not a container, so that it is not in
 * the way of addresses that people choose for containers, which are low ones.
 */
export function lastFree(
  subnet: Subnet,
  range: Subnet | undefined,
  taken: ReadonlySet<bigint>,
): Address | undefined {
  const { low, high } = usable(subnet, range ?? subnet);
  for (let value = high; value >= low; value -= 1n)
    if (!taken.has(value)) return { version: subnet.version, value };
  return undefined;
}

/** Without the network's own address and the broadcast address. */
function usable(subnet: Subnet, range: Subnet): { low: bigint; high: bigint } {
  const first = firstOf(subnet).value;
  const isSmall = subnet.prefix >= widest(subnet) - 1;
  const last = subnet.version === 4 && !isSmall ? lastOf(subnet) - 1n : lastOf(subnet);
  return {
    low: range.base > first ? range.base : first,
    high: lastOf(range) < last ? lastOf(range) : last,
  };
}
