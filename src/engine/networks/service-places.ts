import { KeyedMutex } from '#base/mutex.ts';
import { isReady } from '#domain/app/ready.ts';
import { serviceKey } from '#domain/app/service-key.ts';
import type { AppIdentity, Container, PublishedPort } from '#domain/container/container.ts';
import type { Network } from '#domain/network/network.ts';
import type * as contracts from '#engine/contracts/services.ts';
import type { ServiceEndpoint, ServicePlace, ServiceSettings } from '#engine/contracts/services.ts';
import { endpointsOf } from '#engine/services/endpoints.ts';
import type { BalancedService, FilterChange } from '#ports/packet-filter.ts';
import type { Collection } from '#ports/state-store.ts';
import type { AddressBook } from './address-book.ts';
import { isSamePort, type HostPorts } from './host-ports.ts';
import type { NetworkBook } from './network-book.ts';
import type { NetworkParts } from './parts.ts';
import { balancedIn, hostNamesOf, publishingNetwork } from './service-rules.ts';

export interface PlaceRooms {
  networks: NetworkBook;
  addresses: AddressBook;
  hostPorts: HostPorts;
  /** Told of a network whose services changed. */
  refresh: (network: Network) => Promise<void>;
}

/** Virtual addresses and host ports of services, and the rules that spread what comes there over the replicas. */
export class ServicePlaces implements contracts.ServicePlaces {
  readonly #parts: Pick<NetworkParts, 'filter' | 'policies' | 'hostNames' | 'report'>;
  readonly #rooms: PlaceRooms;
  readonly #stored: Collection<ServicePlace>;
  readonly #places: Map<string, ServicePlace>;
  readonly #ready = new Map<string, readonly ServiceEndpoint[]>();
  readonly #order = new KeyedMutex();

  constructor(
    parts: Pick<NetworkParts, 'store' | 'filter' | 'policies' | 'hostNames' | 'report'>,
    rooms: PlaceRooms,
  ) {
    this.#parts = parts;
    this.#rooms = rooms;
    this.#stored = parts.store.collection<ServicePlace>('service-places');
    this.#places = new Map(this.#stored.entries());
  }

  find(app: string, service: string): ServicePlace | undefined {
    return this.#places.get(serviceKey(app, service));
  }

  list(app: string): ServicePlace[] {
    return this.all().filter((place) => place.app === app);
  }

  all(): ServicePlace[] {
    return [...this.#places.values()];
  }

  ready(place: ServicePlace): readonly ServiceEndpoint[] {
    return this.#ready.get(serviceKey(place.app, place.service)) ?? [];
  }

  /** Of the host, while the container runs. */
  portsOf(container: Container): PublishedPort[] {
    const { app = '', service = '' } = container.identity ?? {};
    const place = this.find(app, service);
    const isReached = container.state.status === 'running' && isReplica(container, app, service);
    return place !== undefined && isReached ? heldBy(place) : [];
  }

  virtualIn(networkId: string): string[] {
    return this.all().flatMap((place) => place.addresses[networkId] ?? []);
  }

  isServed(networkId: string): boolean {
    return this.all().some(({ settings }) => settings.networks.some(({ id }) => id === networkId));
  }

  /** After a restart, when the pools of a network are empty: takes its services' addresses again. */
  reclaim(network: Network): void {
    for (const place of this.all()) {
      const known = place.addresses[network.id];
      if (known !== undefined) this.#rooms.addresses.reserve(network, known, []);
    }
  }

  /** After a restart: the ports, and who answers. The rules are the caller's to set, from `balanced`. */
  async adopt(running: readonly Container[]): Promise<void> {
    for (const place of this.all()) {
      const { app, service } = place;
      const own = running.filter((one) => isReplica(one, app, service));
      this.#ready.set(serviceKey(app, service), endpointsOf(own.filter(isReady)));
      this.#parts.policies.adopt(standingFor(place), Object.values(place.addresses).flat());
      await this.#rooms.hostPorts.hold(heldBy(place), `service ${service} of the app ${app}`);
    }
    await this.#tellHost();
  }

  balanced(): BalancedService[] {
    return this.all().flatMap((place) => this.#rulesOf(place));
  }

  async apply(app: string, service: string, ready: readonly ServiceEndpoint[]): Promise<void> {
    const key = serviceKey(app, service);
    await this.#order.run(key, async () => {
      if (ready.length === 0) this.#ready.delete(key);
      else this.#ready.set(key, ready);
      const place = this.#places.get(key);
      if (place === undefined) return;
      await this.#parts.filter.apply(
        this.#rulesOf(place).map((balanced): FilterChange => ({ do: 'set-service', service: balanced })),
      );
    });
  }

  declare(app: string, service: string, settings: ServiceSettings): Promise<ServicePlace> {
    return this.#order.run(serviceKey(app, service), async () => {
      const former = this.find(app, service);
      const place: ServicePlace = { app, service, settings, addresses: {}, ports: [] };
      try {
        this.#chooseAddresses(place, former);
        await this.#choosePorts(place, former);
        await this.#change(former, place);
      } catch (error) {
        this.#giveUp(place, former);
        throw error;
      }
      if (former !== undefined) this.#giveUp(former, place);
      return place;
    });
  }

  withdraw(app: string, service: string): Promise<void> {
    return this.#order.run(serviceKey(app, service), async () => {
      const former = this.find(app, service);
      if (former === undefined) return;
      await this.#change(former, undefined);
      this.#giveUp(former, undefined);
    });
  }

  /** A network that goes takes the places in it along. */
  async leave(networkId: string): Promise<void> {
    for (const { app, service } of this.all())
      await this.#order.run(serviceKey(app, service), async () => {
        const former = this.find(app, service);
        if (former?.addresses[networkId] === undefined) return;
        const { [networkId]: gone, ...addresses } = former.addresses;
        const networks = former.settings.networks.filter(({ id }) => id !== networkId);
        const place = { ...former, addresses, settings: { ...former.settings, networks, hash: '' } };
        await this.#enforce(former, place);
        this.#save(former, place);
        await this.#tellHost();
        this.#rooms.addresses.free(networkId, gone ?? []);
      });
  }

  #chooseAddresses(place: ServicePlace, former: ServicePlace | undefined): void {
    const { networks, addresses } = this.#rooms;
    if (place.settings.mode === 'dnsrr') return;
    for (const { id } of place.settings.networks) {
      const network = networks.byId(id);
      if (network?.driver !== 'bridge') continue;
      place.addresses[id] = former?.addresses[id] ?? addresses.reserve(network, [], place.settings.avoid);
    }
  }

  async #choosePorts(place: ServicePlace, former: ServicePlace | undefined): Promise<void> {
    const network = publishingNetwork(place, this.#rooms.networks);
    if (network === undefined) return;
    const target = { network, addresses: network.pools.map((pool) => pool.gateway) };
    const held = former === undefined ? [] : heldBy(former);
    for (const wanted of place.settings.ports) {
      const same = former?.ports.find((one) => JSON.stringify(one.wanted) === JSON.stringify(wanted));
      place.ports.push(same ?? { wanted, held: await this.#rooms.hostPorts.reserve(wanted, target, held) });
    }
  }

  /** The rules, what is stored, then the bridges: nobody knows a new address before it is answered. */
  async #change(former: ServicePlace | undefined, place: ServicePlace | undefined): Promise<void> {
    await this.#enforce(former, place);
    this.#save(former, place);
    try {
      await this.#refresh(former, place);
    } catch (error) {
      this.#save(place, former);
      await this.#enforce(place, former);
      throw error;
    }
    await this.#tellHost();
  }

  /** What the host calls services is a convenience: nothing fails for want of it. */
  async #tellHost(): Promise<void> {
    await this.#parts.hostNames
      .set(hostNamesOf(this.all()))
      .catch((error: unknown) => this.#parts.report('the host cannot resolve the names of services', error));
  }

  async #enforce(former: ServicePlace | undefined, place: ServicePlace | undefined): Promise<void> {
    const now = place === undefined ? [] : this.#rulesOf(place);
    const before = former === undefined ? [] : this.#rulesOf(former);
    const gone = before.filter((one) => !now.some((other) => other.key === one.key));
    const addresses = now.flatMap((one) => one.addresses);
    if (place !== undefined) await this.#parts.policies.join(standingFor(place), addresses);
    await this.#parts.filter.apply([
      ...gone.map(({ key }): FilterChange => ({ do: 'remove-service', key })),
      ...now.map((service): FilterChange => ({ do: 'set-service', service })),
    ]);
    const left = before.flatMap((one) => one.addresses).filter((one) => !addresses.includes(one));
    await this.#parts.policies.leave(left);
  }

  async #refresh(former: ServicePlace | undefined, place: ServicePlace | undefined): Promise<void> {
    const had = new Set(former?.settings.networks.map(({ id }) => id));
    const has = new Set(place?.settings.networks.map(({ id }) => id));
    for (const id of new Set([...had, ...has])) {
      const isSame =
        had.has(id) === has.has(id) && String(former?.addresses[id]) === String(place?.addresses[id]);
      const network = this.#rooms.networks.byId(id);
      if (!isSame && network !== undefined) await this.#rooms.refresh(network);
    }
  }

  #save(former: ServicePlace | undefined, place: ServicePlace | undefined): void {
    const { app = '', service = '' } = place ?? former ?? {};
    const key = serviceKey(app, service);
    if (place === undefined) {
      this.#stored.delete(key);
      this.#places.delete(key);
    } else {
      this.#stored.put(key, place);
      this.#places.set(key, place);
    }
  }

  /** Frees what `place` holds and `next` does not. */
  #giveUp(place: ServicePlace, next: ServicePlace | undefined): void {
    for (const [id, addresses] of Object.entries(place.addresses))
      if (next?.addresses[id] === undefined) this.#rooms.addresses.free(id, addresses);
    const kept: PublishedPort[] = next === undefined ? [] : heldBy(next);
    this.#rooms.hostPorts.release(
      heldBy(place).filter((port) => !kept.some((other) => isSamePort(port, other))),
    );
  }

  #rulesOf(place: ServicePlace): BalancedService[] {
    const { networks } = this.#rooms;
    const publishing = publishingNetwork(place, networks);
    return place.settings.networks.flatMap(({ id }) => {
      const network = networks.byId(id);
      if (network?.driver !== 'bridge') return [];
      const ports = network.id === publishing?.id ? place.ports.flatMap((one) => one.held) : [];
      const rules = balancedIn(place, network, ports, this.ready(place));
      return rules.addresses.length + rules.ports.length === 0 ? [] : [rules];
    });
  }
}

/** Not one that ran a command once. */
function isReplica({ identity }: Container, app: string, service: string): boolean {
  return identity?.app === app && identity.service === service && identity.run === undefined;
}

/** Who is called by a service's addresses, for policies. */
function standingFor({ app, service }: ServicePlace): AppIdentity {
  return { app, service, revision: 0, replica: 0 };
}

function heldBy(place: ServicePlace): PublishedPort[] {
  return place.ports.flatMap((one) => one.held);
}
