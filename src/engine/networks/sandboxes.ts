import { newId } from '#base/ids.ts';
import type { Container, Endpoint, PublishedPort } from '#domain/container/container.ts';
import type { WantedPort } from '#domain/container/port-bindings.ts';
import { hasLinks, hasWayOut, routeCarrier } from '#domain/network/endpoint.ts';
import { endpointOptions } from '#domain/network/endpoint-options.ts';
import { isChildDriver } from '#domain/network/parent-link.ts';
import { allowsInterContainer } from '#domain/network/settings.ts';
import type { InnerLink } from '#ports/links.ts';
import { addressesOf, type AddressBook, type Lease } from './address-book.ts';
import type { NetworkBook } from './network-book.ts';
import type { Connected, NetworkParts } from './parts.ts';
import type { Publisher } from './publisher.ts';

/** Letters that begin the rest of a veth's name on the host; a bridge's begins with another. */
export const VETH = 'v';
const RANDOM_DIGITS = 7;

export interface SandboxRooms {
  networks: NetworkBook;
  addresses: AddressBook;
  publisher: Publisher;
  connected: (networkId: string) => Connected[];
}

/** The network namespaces of containers, and what joins them to networks. */
export class Sandboxes {
  readonly #parts: NetworkParts;
  readonly #rooms: SandboxRooms;

  constructor(parts: NetworkParts, rooms: SandboxRooms) {
    this.#parts = parts;
    this.#rooms = rooms;
  }

  create(containerId: string): Promise<string> {
    return this.#parts.links.createNamespace(containerId);
  }

  async remove(container: Container): Promise<void> {
    const { addresses, publisher } = this.#rooms;
    try {
      await publisher.unpublish(container.id);
    } finally {
      // The addresses are free only when nothing answers to them any more.
      await this.#parts.links.removeNamespace(container.id);
      const leases = addresses.ofContainer(container.id);
      await this.#vacate(container.identity !== undefined, leases);
      for (const lease of leases) {
        addresses.release(lease);
        this.#event('disconnect', lease);
      }
    }
  }

  async attach(
    { id: containerId, identity }: Pick<Container, 'id' | 'identity'>,
    draft: Endpoint,
    carriesDefaultRoute: boolean,
  ): Promise<Endpoint> {
    const { networks, addresses } = this.#rooms;
    const { policies } = this.#parts;
    const network = networks.get(draft.networkId);
    const routes = this.#carriesRoute(containerId, draft.networkId, carriesDefaultRoute);
    const lease = addresses.lease(containerId, network, draft, routes);
    try {
      if (identity !== undefined) await policies.join(identity, addressesOf(lease.endpoint));
      await this.#connect(lease);
    } catch (error) {
      await policies.leave(addressesOf(lease.endpoint));
      addresses.release(lease);
      throw error;
    }
    // A container that is joined while it runs is told about by the room containers.
    if (this.#containerIn(containerId, network.id) !== undefined) this.#event('connect', lease);
    return lease.endpoint;
  }

  async detach(containerId: string, endpoint: Endpoint): Promise<void> {
    const { addresses, publisher } = this.#rooms;
    const { links } = this.#parts;
    const lease = addresses.ofContainer(containerId).find((each) => each.network.id === endpoint.networkId);
    if (lease === undefined) return;
    const namespace = links.namespacePath(containerId);
    await links.disconnect(namespace, lease.endpoint.interfaceName);
    await this.#vacate(this.#containerIn(containerId, lease.network.id)?.identity !== undefined, [lease]);
    addresses.release(lease);
    const next = addresses.ofContainer(containerId).find((each) => hasWayOut(each.network));
    await publisher.retarget(containerId, lease, this.#publicLease(containerId));
    if (!lease.carriesDefaultRoute || next === undefined) return;
    next.carriesDefaultRoute = true;
    await links.routeBy(namespace, next.endpoint.interfaceName, gatewaysOf(next.endpoint));
  }

  /** By the bridge that carries the default route, or another; in internal networks nothing is published. */
  async publish(container: Container, wanted: WantedPort[]): Promise<PublishedPort[]> {
    const target = this.#publicLease(container.id);
    return target === undefined ? [] : this.#rooms.publisher.publish(container, wanted, target);
  }

  /** Takes over what a running container holds. */
  async adopt(container: Container): Promise<void> {
    const { networks, addresses, publisher } = this.#rooms;
    for (const endpoint of container.endpoints) {
      const network = networks.byId(endpoint.networkId);
      if (network === undefined || !hasLinks(network)) continue;
      const carriesDefaultRoute = this.#carriesRoute(container.id, network.id, false);
      addresses.enter({ containerId: container.id, network, endpoint, carriesDefaultRoute });
      const { identity } = container;
      if (identity !== undefined) this.#parts.policies.adopt(identity, addressesOf(endpoint));
    }
    const target = this.#publicLease(container.id);
    if (target !== undefined && container.ports.length > 0) await publisher.adopt(container, target);
  }

  /** `asked` counts for a container that the room containers does not tell about (yet). */
  #carriesRoute(containerId: string, networkId: string, asked: boolean): boolean {
    const { networks, addresses } = this.#rooms;
    const leadsOut = (id: string): boolean => hasWayOut(networks.byId(id));
    const container = this.#containerIn(containerId, networkId);
    if (container !== undefined) return routeCarrier(container.endpoints, leadsOut) === networkId;
    const hasRoute = addresses.ofContainer(containerId).some((lease) => lease.carriesDefaultRoute);
    return leadsOut(networkId) && (asked || !hasRoute);
  }

  /** Before others get the addresses: no policy speaks of them, and callers of a service learn that their replica is gone. */
  async #vacate(isReplica: boolean, leases: readonly Lease[]): Promise<void> {
    const { policies, filter } = this.#parts;
    const addresses = leases.flatMap(({ endpoint }) => addressesOf(endpoint));
    await policies.leave(addresses);
    if (isReplica) await filter.apply(addresses.map((address) => ({ do: 'vacate', address })));
  }

  #publicLease(containerId: string): Lease | undefined {
    const open = this.#rooms.addresses.ofContainer(containerId).filter(canPublish);
    return open.find((lease) => lease.carriesDefaultRoute) ?? open[0];
  }

  async #connect(lease: Lease): Promise<void> {
    const { links, instance } = this.#parts;
    const { network } = lease;
    const inner = this.#innerLink(lease);
    if (network.parent !== undefined && isChildDriver(network.driver)) {
      const { name, mode, flag } = network.parent;
      const hangs = { kind: network.driver, parent: name, mode, ...(flag === undefined ? {} : { flag }) };
      return links.connectChild({ ...inner, ...hangs });
    }
    await links.connect({
      ...inner,
      bridge: network.bridge,
      // Not from the endpoint's id: the link of the run before may still be on its way out.
      hostName: `${instance.linkPrefix}${VETH}${newId().slice(0, RANDOM_DIGITS)}`,
      isolated: !allowsInterContainer(network),
    });
  }

  #innerLink({ containerId, endpoint, network, carriesDefaultRoute }: Lease): InnerLink {
    return {
      namespace: this.#parts.links.namespacePath(containerId),
      name: endpoint.interfaceName,
      mac: endpoint.macAddress,
      addresses: [
        ...(endpoint.ipAddress === '' ? [] : [`${endpoint.ipAddress}/${endpoint.prefixLength}`]),
        ...(endpoint.ip6Address === '' ? [] : [`${endpoint.ip6Address}/${endpoint.ip6PrefixLength}`]),
      ],
      gateways: carriesDefaultRoute ? gatewaysOf(endpoint) : [],
      settings: endpointOptions(endpoint.request.DriverOpts ?? {}).sysctls,
      mtu: network.mtu,
    };
  }

  #containerIn(containerId: string, networkId: string): Container | undefined {
    return this.#rooms.connected(networkId).find(({ container }) => container.id === containerId)?.container;
  }

  #event(action: 'connect' | 'disconnect', { containerId, network }: Lease): void {
    this.#parts.events.emit('network', action, network.id, {
      container: containerId,
      name: network.name,
      type: network.driver,
    });
  }
}

function canPublish({ network }: Lease): boolean {
  return network.driver === 'bridge' && !network.internal;
}

function gatewaysOf(endpoint: Endpoint): string[] {
  return [endpoint.gateway, endpoint.ip6Gateway].filter((gateway) => gateway !== '');
}
