import { conflict } from '#base/errors.ts';
import { resolvesNames } from '#domain/network/endpoint.ts';
import type { Network } from '#domain/network/network.ts';
import { allowsInterContainer, masquerades } from '#domain/network/settings.ts';
import type { FilteredNetwork } from '#ports/packet-filter.ts';
import type { NameSource } from '#ports/resolver.ts';
import type { NetworkParts } from './parts.ts';

/** What there is of services in a network. */
export interface NetworkServices {
  /** Their addresses. */
  virtualIn(networkId: string): string[];
  /** Whether there are any, with addresses of their own or without. */
  isServed(networkId: string): boolean;
}

/** The bridge, the rules and the name service behind a network. */
export class Bridges {
  readonly #parts: NetworkParts;
  readonly #names: NameSource;
  readonly #services: NetworkServices;
  /** Bridges whose own traffic passes the packet filter. */
  readonly #filtered = new Set<string>();
  /** Networks of which it has been said that they cannot be filtered. */
  readonly #unfiltered = new Set<string>();

  constructor(parts: NetworkParts, names: NameSource, services: NetworkServices) {
    this.#parts = parts;
    this.#names = names;
    this.#services = services;
  }

  /** What the packet filter is told of a network whose bridge is up. */
  rulesOf(network: Network): FilteredNetwork {
    return {
      bridge: network.bridge,
      subnets: network.pools.map((pool) => pool.subnet),
      internal: network.internal,
      masquerade: masquerades(network),
      interContainer: allowsInterContainer(network),
      seesBridged: this.#filtered.has(network.bridge),
    };
  }

  /** Brings bridge and rules to what follows from the services that the network now has. */
  async refresh(network: Network): Promise<void> {
    await this.#raise(network);
    await this.#parts.filter.apply([{ do: 'add-network', network: this.rulesOf(network) }]);
  }

  /** Makes all of it, or nothing. @throws conflict `bridge-exists`; as the ports */
  async open(network: Network): Promise<void> {
    const { links, filter } = this.#parts;
    if ((await links.listLinks(network.bridge)).includes(network.bridge))
      throw conflict(
        'bridge-exists',
        `cannot create network ${network.name}: the host has a link '${network.bridge}'`,
      );
    try {
      await this.#raise(network);
      await filter.apply([{ do: 'add-network', network: this.rulesOf(network) }]);
      await this.listen(network);
    } catch (error) {
      await this.close(network);
      throw error;
    }
  }

  /** After a restart: the bridge again; the rules follow for all networks at once. One that fails is reported. */
  async reopen(network: Network): Promise<void> {
    const { report } = this.#parts;
    await this.#raise(network).catch((error: unknown) =>
      report(`network ${network.name}: containers cannot be joined to it`, error),
    );
    await this.listen(network).catch((error: unknown) =>
      report(`network ${network.name}: containers cannot resolve names`, error),
    );
  }

  /** Idempotent. */
  async close(network: Network): Promise<void> {
    const { links, filter, resolver } = this.#parts;
    const address = listenAddress(network);
    if (address !== undefined) await resolver.unlisten(address);
    await filter.apply([{ do: 'remove-network', bridge: network.bridge }]);
    await links.removeLink(network.bridge);
    this.#filtered.delete(network.bridge);
    this.#unfiltered.delete(network.id);
  }

  async listen(network: Network): Promise<void> {
    const address = listenAddress(network);
    if (address !== undefined) await this.#parts.resolver.listen(address, this.#names);
  }

  async #raise(network: Network): Promise<void> {
    const virtual = this.#services.virtualIn(network.id);
    const filtered = this.#services.isServed(network.id);
    const isFiltered = await this.#parts.links.ensureBridge({
      name: network.bridge,
      addresses: [
        ...network.pools.map((pool) => `${pool.gateway}/${pool.subnet.split('/')[1] ?? ''}`),
        ...virtual.map((address) => `${address}/${address.includes(':') ? 128 : 32}`),
      ],
      mtu: network.mtu,
      filtered,
    });
    if (filtered && !isFiltered && !this.#unfiltered.has(network.id)) {
      this.#unfiltered.add(network.id);
      this.#parts.report(
        `network ${network.name}: apps are not isolated and policies do not hold between its containers`,
        new Error('this kernel does not let bridges be filtered (br_netfilter is missing)'),
      );
    }
    if (isFiltered) this.#filtered.add(network.bridge);
    else this.#filtered.delete(network.bridge);
  }
}

/** Where the containers of a network find its name service: the first gateway, IPv4 before IPv6. */
export function listenAddress(network: Network): string | undefined {
  if (!resolvesNames(network)) return undefined;
  const gateways = network.pools.map((pool) => pool.gateway);
  return gateways.find((gateway) => !gateway.includes(':')) ?? gateways[0];
}
