import { conflict, forbidden } from '#base/errors.ts';
import { newId, shortId } from '#base/ids.ts';
import { KeyedMutex } from '#base/mutex.ts';
import type { EndpointRequest } from '#domain/container/config.ts';
import type { Container, Endpoint, PublishedPort } from '#domain/container/container.ts';
import { hasProcess } from '#domain/container/state.ts';
import type { WantedPort } from '#domain/container/port-bindings.ts';
import { parseSubnet, type Subnet } from '#domain/network/cidr.ts';
import { checkEndpointRequest, dnsNamesOf, hasLinks, resolvesNames } from '#domain/network/endpoint.ts';
import { endpointOptions } from '#domain/network/endpoint-options.ts';
import type { Network } from '#domain/network/network.ts';
import { checkNetworkName, isPredefined } from '#domain/network/request.ts';
import type * as contracts from '#engine/contracts.ts';
import { AddressBook } from './address-book.ts';
import { Bridges } from './bridges.ts';
import { Drafting } from './creating.ts';
import { Parents } from './parents.ts';
import { ContainerNames } from './names.ts';
import { resolvConfOf } from './name-servers.ts';
import { HostPorts } from './host-ports.ts';
import { NetworkBook } from './network-book.ts';
import type { Connected, NetworkParts } from './parts.ts';
import { Publisher } from './publisher.ts';
import { Sandboxes, VETH } from './sandboxes.ts';
import { ServiceNames } from './service-names.ts';
import { ServicePlaces } from './service-places.ts';

/** How often another subnet is tried when someone else on the host took ours at the same moment. */
const POOL_TRIES = 5;

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
  readonly #bridges: Bridges;
  readonly #parents: Parents;
  readonly #sandboxes: Sandboxes;
  readonly #drafting: Drafting;
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
      refresh: (network) => this.#bridges.refresh(network),
    });
    const names = new ContainerNames(this.#addresses, {
      services: new ServiceNames(this.services),
      policies: parts.policies,
      connected: this.#connected,
    });
    this.#bridges = new Bridges(parts, names, this.services);
    this.#parents = new Parents(parts, this.#book);
    this.#drafting = new Drafting(parts, this.#book);
    this.#sandboxes = new Sandboxes(parts, {
      networks: this.#book,
      addresses: this.#addresses,
      publisher: this.#publisher,
      connected: this.#connected,
    });
  }

  /** Makes the predefined networks at the first start; brings bridges and name services back. */
  async start(): Promise<void> {
    if (this.#book.byName('bridge') === undefined)
      this.#book.put(await this.#drafting.draft({ name: 'bridge', options: DEFAULT_BRIDGE_OPTIONS }));
    if (this.#book.byName('host') === undefined) this.#book.put(this.#drafting.without('host', 'host'));
    if (this.#book.byName('none') === undefined) this.#book.put(this.#drafting.without('none', 'null'));
    for (const network of this.#book.linked()) {
      this.#addresses.addNetwork(network);
      this.services.reclaim(network);
      if (network.driver === 'bridge') await this.#bridges.reopen(network);
      else await this.#parents.reopen(network);
    }
  }

  /** The rules are replaced at once, so that established connections go on. Then leftovers are removed. */
  async adopt(running: Container[]): Promise<void> {
    for (const container of running) await this.#sandboxes.adopt(container);
    await this.services.adopt(running);
    await this.#parts.filter.reset(
      this.#book.bridges().map((network) => this.#bridges.rulesOf(network)),
      this.#publisher.publications(),
      this.services.balanced(),
      this.#parts.policies.state(),
    );
    await this.#sweep(new Set(running.map((container) => container.id)));
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
      const network = await this.#open(request);
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
          `error while removing network: network ${network.name} id ${network.id} has active endpoints`,
          { hint: `stop or disconnect its containers first, such as ${shortId(user.containerId)}` },
        );
      // From here on nobody can join; what a crash leaves is brought back whole at the next start.
      this.#addresses.removeNetwork(network.id);
      try {
        await this.#close(network);
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

  /** Nothing of a network stays when it cannot be saved, as on a full disk. */
  async #save(network: Network): Promise<void> {
    try {
      this.#book.put(network);
      this.#addresses.addNetwork(network);
    } catch (error) {
      await this.#close(network);
      throw error;
    }
  }

  #close(network: Network): Promise<void> {
    return network.driver === 'bridge' ? this.#bridges.close(network) : this.#parents.close(network);
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

  /** Opens a new network; on a subnet chosen by us that another program of the host took meanwhile, again. */
  async #open(request: contracts.NewNetwork): Promise<Network> {
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

  /** Removes namespaces and links of this instance that belong to nobody. What fails is reported. */
  async #sweep(running: Set<string>): Promise<void> {
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

  #event(action: 'create' | 'destroy', network: Network): void {
    this.#parts.events.emit('network', action, network.id, { name: network.name, type: network.driver });
  }
}

/** As `docker network inspect bridge` shows them. */
const DEFAULT_BRIDGE_OPTIONS = {
  'com.docker.network.bridge.default_bridge': 'true',
  'com.docker.network.bridge.enable_icc': 'true',
  'com.docker.network.bridge.enable_ip_masquerade': 'true',
  'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
  'com.docker.network.driver.mtu': '1500',
};
