import { conflict, forbidden, invalid, notFound, unsupported } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import { formatAddress, formatSubnet, parseSubnet, type Subnet } from '#domain/network/cidr.ts';
import type { AddressPool, Network } from '#domain/network/network.ts';
import { isChildDriver, parentLinkOf, type ChildDriver } from '#domain/network/parent-link.ts';
import { firstOf, freePool, uniqueLocalPool } from '#domain/network/pools.ts';
import { checkOverlap, checkSubnets, poolOf, type PoolRequest } from '#domain/network/request.ts';
import { checkOptions, mtuOf, wantedBridgeName } from '#domain/network/settings.ts';
import type { NewNetwork } from '#engine/contracts.ts';
import type { NetworkBook } from './network-book.ts';
import type { NetworkParts } from './parts.ts';

const ID_DIGITS = 7;
/** The letter that begins the rest of a parent's name; another letter ends its pair's. */
const PARENT = 'd';
const PARENT_DIGITS = 6;

/** Decides what a new network looks like: its subnets, gateways and bridge or parent. */
export class Drafting {
  readonly #parts: Pick<NetworkParts, 'links' | 'clock' | 'instance'>;
  readonly #book: NetworkBook;

  constructor(parts: Pick<NetworkParts, 'links' | 'clock' | 'instance'>, book: NetworkBook) {
    this.#parts = parts;
    this.#book = book;
  }

  /**
   * @param avoid subnets that turned out to be taken
   * @throws not-found `network-driver-missing`; invalid `network-option-invalid`, `subnet-invalid`; forbidden
   * `pool-overlaps`; conflict `pools-exhausted`
   */
  async draft(request: NewNetwork, avoid: Subnet[] = []): Promise<Network> {
    const driver = request.driver ?? '';
    if (isChildDriver(driver)) return this.#child(driver, request);
    if (driver !== '' && driver !== 'bridge' && driver !== 'default') throw missingDriver(driver);
    const options = request.options ?? {};
    checkOptions(options);
    const id = newId();
    const pools = await this.#pools(request, avoid);
    return {
      ...this.#plain(id, request),
      driver: 'bridge',
      ipv6: pools.some((pool) => pool.subnet.includes(':')),
      pools,
      bridge: wantedBridgeName(options) ?? this.#bridgeName(request.name, id),
      mtu: mtuOf(options),
    };
  }

  /** The subnet is one that the parent is in, so that the host has a route to it is expected. */
  async #child(driver: ChildDriver, request: NewNetwork): Promise<Network> {
    const options = request.options ?? {};
    const id = newId();
    const ownName = `${this.#parts.instance.linkPrefix}${PARENT}${id.slice(0, PARENT_DIGITS)}`;
    const parent = parentLinkOf(driver, options, ownName);
    const pools = await this.#pools(request, [], true);
    return {
      ...this.#plain(id, request),
      driver,
      ipv6: pools.some((pool) => pool.subnet.includes(':')),
      pools,
      bridge: '',
      parent,
      mtu: mtuOf(options, 0),
    };
  }

  /** The networks `host` and `none`. */
  without(name: string, driver: 'host' | 'null'): Network {
    return { ...this.#plain(newId(), { name }), driver, ipv6: false, pools: [], bridge: '', mtu: 0 };
  }

  #plain(id: string, request: NewNetwork): Omit<Network, 'driver' | 'ipv6' | 'pools' | 'bridge' | 'mtu'> {
    return {
      id,
      name: request.name,
      created: this.#parts.clock.timestamp(),
      scope: 'local',
      internal: request.internal ?? false,
      attachable: request.attachable ?? false,
      options: { ...request.options },
      labels: { ...request.labels },
      ipamOptions: {},
      ...(request.app === undefined ? {} : { app: request.app }),
    };
  }

  #bridgeName(name: string, id: string): string {
    const { linkPrefix } = this.#parts.instance;
    return name === 'bridge' ? linkPrefix : `${linkPrefix}n${id.slice(0, ID_DIGITS)}`;
  }

  async #pools(request: NewNetwork, avoid: Subnet[], sharesHostSubnet = false): Promise<AddressPool[]> {
    const ours = this.#book
      .list()
      .flatMap((network) => network.pools.map((pool) => parseSubnet(pool.subnet)));
    const hostRoutes = (await this.#parts.links.usedSubnets()).map(parseSubnet);
    const pools: AddressPool[] = [];
    checkSubnets(request.pools ?? []);
    const used = (): Subnet[] => [...ours, ...pools.map((pool) => parseSubnet(pool.subnet))];
    for (const { subnet = '', ...rest } of request.pools ?? []) {
      if (subnet === '') {
        checkBare(request.name, rest);
        continue;
      }
      checkOverlap(parseSubnet(subnet), used(), sharesHostSubnet ? [] : hostRoutes);
      pools.push(poolOf({ subnet, ...rest }));
    }
    const has = (version: 4 | 6): boolean =>
      used()
        .slice(ours.length)
        .some((pool) => pool.version === version);
    if (!has(4)) pools.unshift(this.#automatic4([...ours, ...hostRoutes, ...avoid]));
    if (request.ipv6 === true && !has(6)) pools.push(this.#automatic6([...ours, ...hostRoutes, ...avoid]));
    return pools;
  }

  #automatic4(used: Subnet[]): AddressPool {
    const pool = freePool(used, this.#parts.instance.id);
    if (pool !== undefined) return withGateway(pool);
    throw conflict('pools-exhausted', 'all predefined address pools have been fully subnetted', {
      hint: 'remove networks that nothing uses (docker network prune), or name a subnet',
    });
  }

  #automatic6(used: Subnet[]): AddressPool {
    const taken = new Set(used.map(formatSubnet));
    let n = 0;
    while (taken.has(formatSubnet(uniqueLocalPool(this.#parts.instance.id, n)))) n += 1;
    return withGateway(uniqueLocalPool(this.#parts.instance.id, n));
  }
}

/** Docker's that are known and not offered are named; all others could only be plugins. */
function missingDriver(driver: string): Error {
  if (driver === 'overlay')
    return unsupported('network-driver-unsupported', `the network driver '${driver}' is not supported`, {
      hint: 'use bridge, or the network mode host for containers that are to be in the network of the host',
    });
  if (driver === 'host' || driver === 'null')
    return forbidden('network-driver-single', `only one instance of "${driver}" network is allowed`);
  return notFound('network-driver-missing', `plugin "${driver}" not found`, {
    hint: 'Berth has the network drivers bridge, macvlan, ipvlan, host and null.',
  });
}

/** @throws invalid `subnet-missing` */
function checkBare(network: string, rest: Omit<PoolRequest, 'subnet'>): void {
  const { gateway = '', ipRange = '', auxiliary = {} } = rest;
  if (gateway === '' && ipRange === '' && Object.keys(auxiliary).length === 0) return;
  throw invalid(
    'subnet-missing',
    `network ${network}: a gateway, range or auxiliary address needs a subnet in the same pool`,
  );
}

function withGateway(subnet: Subnet): AddressPool {
  const gateway =
    subnet.version === 4 ? firstOf(subnet) : { version: subnet.version, value: subnet.base + 1n };
  return { subnet: formatSubnet(subnet), gateway: formatAddress(gateway) };
}
