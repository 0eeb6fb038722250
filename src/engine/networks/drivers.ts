import { conflict } from '#base/errors.ts';
import { parseSubnet, type Subnet } from '#domain/network/cidr.ts';
import type { Network } from '#domain/network/network.ts';
import type { NewNetwork } from '#engine/contracts.ts';
import type { FilteredNetwork } from '#ports/packet-filter.ts';
import type { NameSource } from '#ports/resolver.ts';
import { Bridges, type NetworkServices } from './bridges.ts';
import { Drafting } from './creating.ts';
import type { NetworkBook } from './network-book.ts';
import { Parents } from './parents.ts';
import type { NetworkParts } from './parts.ts';
import { VETH } from './sandboxes.ts';

/** How often another subnet is tried when someone else on the host took ours at the same moment. */
const POOL_TRIES = 5;

/** As `docker network inspect bridge` shows them. */
const DEFAULT_BRIDGE_OPTIONS = {
  'com.docker.network.bridge.default_bridge': 'true',
  'com.docker.network.bridge.enable_icc': 'true',
  'com.docker.network.bridge.enable_ip_masquerade': 'true',
  'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
  'com.docker.network.driver.mtu': '1500',
};

export interface DriverRooms {
  networks: NetworkBook;
  names: NameSource;
  services: NetworkServices;
}

/** What stands on the host for a network, by its driver: a bridge of its own, or a link on which others hang. */
export class Drivers {
  readonly #parts: Pick<NetworkParts, 'links' | 'instance' | 'report'>;
  readonly #book: NetworkBook;
  readonly #bridges: Bridges;
  readonly #parents: Parents;
  readonly #drafting: Drafting;

  constructor(parts: NetworkParts, { networks, names, services }: DriverRooms) {
    this.#parts = parts;
    this.#book = networks;
    this.#bridges = new Bridges(parts, names, services);
    this.#parents = new Parents(parts, networks);
    this.#drafting = new Drafting(parts, networks);
  }

  /** A network that is there from the first start on; its bridge comes with `reopen`. */
  async predefined(name: 'bridge' | 'host' | 'none'): Promise<Network> {
    if (name === 'bridge') return this.#drafting.draft({ name, options: DEFAULT_BRIDGE_OPTIONS });
    return this.#drafting.without(name, name === 'none' ? 'null' : name);
  }

  /** Opens a new network; on a subnet chosen by us that another program of the host took meanwhile, again. */
  async open(request: NewNetwork): Promise<Network> {
    const avoid: Subnet[] = [];
    for (let tries = 1; ; tries += 1) {
      const network = await this.#drafting.draft(request, avoid);
      if (network.parent !== undefined) return this.#parents.open(network, network.parent);
      await this.#bridges.open(network);
      const routes = await this.#parts.links.usedSubnets();
      const doubled = network.pools.filter(
        ({ subnet }) => routes.filter((route) => route === subnet).length > 1,
      );
      if (doubled.length === 0) return network;
      await this.#bridges.close(network);
      if (tries === POOL_TRIES)
        throw conflict(
          'pool-overlaps',
          `subnet ${doubled[0]?.subnet ?? ''} is taken by another program of the host`,
        );
      avoid.push(...doubled.map((pool) => parseSubnet(pool.subnet)));
    }
  }

  /** After a restart; what fails is reported. The rules follow for all networks at once. */
  reopen(network: Network): Promise<void> {
    return network.driver === 'bridge' ? this.#bridges.reopen(network) : this.#parents.reopen(network);
  }

  /** Idempotent. */
  close(network: Network): Promise<void> {
    return network.driver === 'bridge' ? this.#bridges.close(network) : this.#parents.close(network);
  }

  /** After a change of the services of a network. */
  refresh(network: Network): Promise<void> {
    return this.#bridges.refresh(network);
  }

  /** What the packet filter is told of all networks. */
  rules(): FilteredNetwork[] {
    return this.#book.bridges().map((network) => this.#bridges.rulesOf(network));
  }

  /** Removes namespaces and links of this instance that belong to nobody. What fails is reported. */
  async sweep(running: Set<string>): Promise<void> {
    const { links, instance, report } = this.#parts;
    const known = new Set([...this.#book.bridges().map(({ bridge }) => bridge), ...this.#parents.made()]);
    const isLeft = (name: string): boolean =>
      !known.has(name) && !name.startsWith(instance.linkPrefix + VETH);
    const namespaces = (await links.listNamespaces()).filter((id) => !running.has(id));
    const left = (await links.listLinks(instance.linkPrefix)).filter(isLeft);
    const removals = [
      ...namespaces.map((id) => links.removeNamespace(id)),
      ...left.map((name) => links.removeLink(name)),
    ];
    for (const result of await Promise.allSettled(removals))
      if (result.status === 'rejected') report('a leftover of networks could not be removed', result.reason);
  }
}
