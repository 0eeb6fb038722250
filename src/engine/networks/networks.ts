import { conflict, forbidden } from '#base/errors.ts';
import { newId, shortId } from '#base/ids.ts';
import { KeyedMutex } from '#base/mutex.ts';
import type { EndpointRequest } from '#domain/container/config.ts';
import type { Container, Endpoint, PublishedPort } from '#domain/container/container.ts';
import { hasProcess } from '#domain/container/state.ts';
import type { WantedPort } from '#domain/container/port-bindings.ts';
import { checkEndpointRequest, dnsNamesOf, hasLinks, resolvesNames } from '#domain/network/endpoint.ts';
import { endpointOptions } from '#domain/network/endpoint-options.ts';
import type { Network } from '#domain/network/network.ts';
import { checkNetworkName, isPredefined } from '#domain/network/request.ts';
import type * as contracts from '#engine/contracts.ts';
import { AddressBook } from './address-book.ts';
import { Drivers } from './drivers.ts';
import { ContainerNames } from './names.ts';
import { resolvConfOf } from './name-servers.ts';
import { HostPorts } from './host-ports.ts';
import { NetworkBook } from './network-book.ts';
import type { Connected, NetworkParts } from './parts.ts';
import { Publisher } from './publisher.ts';
import { Sandboxes } from './sandboxes.ts';
import { ServiceNames } from './service-names.ts';
import { ServicePlaces } from './service-places.ts';

/**
 * Networks, and the places of containers in them. `start` first, then `adopt` once with the running
 * containers, then everything else.
 */
export class Networks implements contracts.Networks {
  readonly services: ServicePlaces;
  readonly #parts: NetworkParts;
  readonly #book: NetworkBook;
  readonly #addresses = new AddressBook();
  readonly #publisher: Publisher;
  readonly #drivers: Drivers;
  readonly #sandboxes: Sandboxes;
  readonly #order = new KeyedMutex();
  readonly #sources: ((networkId: string) => Connected[])[] = [];

  constructor(parts: NetworkParts) {
    this.#parts = parts;
    this.#book = new NetworkBook(parts.store.collection('networks'));
    const hostPorts = new HostPorts(parts);
    this.#publisher = new Publisher(parts, hostPorts);
    this.services = new ServicePlaces(parts, {
      networks: this.#book,
      addresses: this.#addresses,
      hostPorts,
      refresh: (network) => this.#drivers.refresh(network),
    });
    const names = new ContainerNames(this.#addresses, {
      services: new ServiceNames(this.services),
      policies: parts.policies,
      connected: this.#connected,
    });
    this.#drivers = new Drivers(parts, { networks: this.#book, names, services: this.services });
    this.#sandboxes = new Sandboxes(parts, {
      networks: this.#book,
      addresses: this.#addresses,
      publisher: this.#publisher,
      connected: this.#connected,
    });
  }

  /** Makes the predefined networks at the first start; brings bridges and name services back. */
  async start(): Promise<void> {
    for (const name of ['bridge', 'host', 'none'] as const)
      if (this.#book.byName(name) === undefined) this.#book.put(await this.#drivers.predefined(name));
    for (const network of this.#book.linked()) {
      this.#addresses.addNetwork(network);
      this.services.reclaim(network);
      await this.#drivers.reopen(network);
    }
  }

  /** The rules are replaced at once, so that established connections go on. Then leftovers are removed. */
  async adopt(running: Container[]): Promise<void> {
    for (const container of running) await this.#sandboxes.adopt(container);
    await this.services.adopt(running);
    await this.#parts.filter.reset(
      this.#drivers.rules(),
      this.#publisher.publications(),
      this.services.balanced(),
      this.#parts.policies.state(),
    );
    await this.#drivers.sweep(new Set(running.map((container) => container.id)));
  }

  get(name: string): Network {
    return this.#book.get(name);
  }

  list(): Network[] {
    return this.#book.list();
  }

  create(request: contracts.NewNetwork): Promise<Network> {
    return this.#order.run('networks', async () => {
      checkNetworkName(request.name);
      if (this.#book.byName(request.name) !== undefined)
        throw conflict('network-exists', `network with name ${request.name} already exists`);
      const network = await this.#drivers.open(request);
      await this.#save(network);
      this.#event('create', network);
      return network;
    });
  }

  remove(name: string): Promise<void> {
    return this.#order.run('networks', async () => {
      const network = this.#book.get(name);
      if (isPredefined(network.name))
        throw forbidden(
          'network-predefined',
          `${network.name} is a pre-defined network and cannot be removed`,
        );
      const [user] = this.#addresses.inNetwork(network.id);
      if (user !== undefined)
        throw forbidden(
          'network-in-use',
          `error while removing network: network ${network.name} has active endpoints (${this.#users(network)})`,
          { hint: `stop or disconnect its containers first, such as ${shortId(user.containerId)}` },
        );
      // From here on nobody can join; what a crash leaves is brought back whole at the next start.
      this.#addresses.removeNetwork(network.id);
      try {
        await this.#drivers.close(network);
      } catch (error) {
        this.#addresses.addNetwork(network);
        this.services.reclaim(network);
        throw error;
      }
      await this.services.leave(network.id);
      this.#book.delete(network.id);
      this.#event('destroy', network);
    });
  }

  #users(network: Network): string {
    const users = this.joined(network);
    return users
      .map(({ container, endpoint }) => `name:"${container.name}" id:"${shortId(endpoint.endpointId)}"`)
      .join(', ');
  }

  /** Nothing of a network stays when it cannot be saved, as on a full disk. */
  async #save(network: Network): Promise<void> {
    try {
      this.#book.put(network);
      this.#addresses.addNetwork(network);
    } catch (error) {
      await this.#drivers.close(network);
      throw error;
    }
  }

  async prune(candidates: Network[]): Promise<string[]> {
    const removed: string[] = [];
    for (const network of candidates) {
      if (isPredefined(network.name) || this.#addresses.inNetwork(network.id).length > 0) continue;
      await this.remove(network.id);
      removed.push(network.name);
    }
    this.#parts.events.emit('network', 'prune', '', { reclaimed: '0' });
    return removed;
  }

  endpoint(
    container: { id: string; name: string; hostname: string },
    network: Network,
    request: EndpointRequest,
    index: number,
  ): Endpoint {
    checkEndpointRequest(network, request);
    const names = { name: container.name, shortId: shortId(container.id), hostname: container.hostname };
    const { IPv4Address = '', IPv6Address = '' } = request.IPAMConfig ?? {};
    return {
      networkId: network.id,
      networkName: network.name,
      endpointId: newId(),
      request,
      interfaceName: hasLinks(network)
        ? (endpointOptions(request.DriverOpts ?? {}).name ?? `eth${index}`)
        : '',
      macAddress: request.MacAddress ?? '',
      ipAddress: IPv4Address,
      prefixLength: 0,
      gateway: '',
      ip6Address: IPv6Address,
      ip6PrefixLength: 0,
      ip6Gateway: '',
      dnsNames: resolvesNames(network) ? dnsNamesOf(names, request.Aliases ?? []) : [],
    };
  }

  createSandbox(containerId: string): Promise<string> {
    return this.#sandboxes.create(containerId);
  }

  entrustSandbox(containerId: string, pid: number): Promise<void> {
    return this.#parts.links.entrustNamespace(containerId, pid);
  }

  removeSandbox(container: Container): Promise<void> {
    return this.#sandboxes.remove(container);
  }

  attach(
    container: Pick<Container, 'id' | 'identity'>,
    endpoint: Endpoint,
    carriesDefaultRoute: boolean,
  ): Promise<Endpoint> {
    return this.#sandboxes.attach(container, endpoint, carriesDefaultRoute);
  }

  detach(containerId: string, endpoint: Endpoint): Promise<void> {
    return this.#sandboxes.detach(containerId, endpoint);
  }

  publish(container: Container, wanted: WantedPort[]): Promise<PublishedPort[]> {
    return this.#sandboxes.publish(container, wanted);
  }

  unpublish(container: Container): Promise<void> {
    return this.#publisher.unpublish(container.id);
  }

  portsOf(container: Container): PublishedPort[] {
    return [...container.ports, ...this.services.portsOf(container)];
  }

  resolvConf(container: Container): string {
    return resolvConfOf(container, this.#book, this.#parts.resolver);
  }

  joined(network: Network): Connected[] {
    if (!hasLinks(network))
      return this.#connected(network.id).filter(({ container }) => hasProcess(container));
    const holders = new Set(this.#addresses.inNetwork(network.id).map((lease) => lease.containerId));
    return this.#connected(network.id).filter(({ container }) => holders.has(container.id));
  }

  connectedBy(source: (networkId: string) => Connected[]): void {
    this.#sources.push(source);
  }

  readonly #connected = (networkId: string): Connected[] =>
    this.#sources.flatMap((source) => source(networkId));

  #event(action: 'create' | 'destroy', network: Network): void {
    this.#parts.events.emit('network', action, network.id, { name: network.name, type: network.driver });
  }
}
