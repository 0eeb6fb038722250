import type { ServiceEndpoint, ServicePlace } from '#engine/contracts/services.ts';
import { addressesOf } from './address-book.ts';

/** Which services there are, and who answers for them. */
export interface KnownServices {
  all(): ServicePlace[];
  ready(place: ServicePlace): readonly ServiceEndpoint[];
}

const ALL_REPLICAS = 'tasks.';

/**
 * What services are called in a network. `web`, its aliases and `web.shop.berth` stand for the service, `tasks.web`
 * for all its ready replicas, `web-2` for one of them. Where several apps have the same name in a network, the
 * asker's own comes first.
 */
export class ServiceNames {
  readonly #services: KnownServices;

  constructor(services: KnownServices) {
    this.#services = services;
  }

  /** Undefined when no service is meant; an empty list when nobody answers. */
  addresses(networkId: string, name: string, app: string | undefined): string[] | undefined {
    if (name.startsWith(ALL_REPLICAS))
      return this.#replicas(networkId, name.slice(ALL_REPLICAS.length), app)?.flatMap(
        ({ addresses }) => addresses,
      );
    const places = this.#called(networkId, name, app);
    if (places.length > 0)
      return places.flatMap((place) => place.addresses[networkId] ?? this.#readyIn(place, networkId));
    return this.#oneReplica(networkId, name, app);
  }

  /** Of `_http._tcp.web` and `_80._tcp.tasks.web`. Undefined when no port of a service is meant. */
  targets(
    networkId: string,
    name: string,
    app: string | undefined,
  ): { name: string; port: number }[] | undefined {
    const [, port = '', protocol = '', called = ''] = /^_([^.]+)\._(tcp|udp|sctp)\.(.+)$/.exec(name) ?? [];
    const isAll = called.startsWith(ALL_REPLICAS);
    const service = isAll ? called.slice(ALL_REPLICAS.length) : called;
    const [place] = this.#called(networkId, service, app);
    if (place === undefined) return undefined;
    const found = place.settings.portNames.filter(
      (one) => one.protocol === protocol && (one.name?.toLowerCase() === port || String(one.port) === port),
    );
    if (found.length === 0) return undefined;
    const isOne = !isAll && place.addresses[networkId] !== undefined;
    const names = isOne ? [service] : (this.#replicas(networkId, service, app) ?? []).map((one) => one.name);
    return found.flatMap((one) => names.map((each) => ({ name: each, port: one.port })));
  }

  /** Of a virtual address. */
  nameOf(networkId: string, address: string): string | undefined {
    return this.#services.all().find((place) => place.addresses[networkId]?.includes(address) === true)
      ?.service;
  }

  #called(networkId: string, name: string, app: string | undefined): ServicePlace[] {
    const found = this.#services.all().filter((place) => isCalled(place, networkId, name));
    const own = found.filter((place) => place.app === app);
    return own.length > 0 ? own : found;
  }

  #replicas(
    networkId: string,
    service: string,
    app: string | undefined,
  ): { name: string; addresses: string[] }[] | undefined {
    const places = this.#called(networkId, service, app);
    if (places.length === 0) return undefined;
    return places.flatMap((place) =>
      this.#services
        .ready(place)
        .map((one) => ({ name: one.containerName, addresses: addressesIn(one, networkId) })),
    );
  }

  #readyIn(place: ServicePlace, networkId: string): string[] {
    return this.#services.ready(place).flatMap((one) => addressesIn(one, networkId));
  }

  /** `web-2` */
  #oneReplica(networkId: string, name: string, app: string | undefined): string[] | undefined {
    const [, service = '', number = ''] = /^(.+)-([1-9]\d*)$/.exec(name) ?? [];
    const found = this.#called(networkId, service, app)
      .flatMap((place) => this.#services.ready(place))
      .filter((one) => one.replica === Number(number));
    return found.length === 0 ? undefined : found.flatMap((one) => addressesIn(one, networkId));
  }
}

function isCalled({ app, service, settings }: ServicePlace, networkId: string, name: string): boolean {
  const network = settings.networks.find(({ id }) => id === networkId);
  if (network === undefined || name === '') return false;
  return [service, ...network.aliases, `${service}.${app}.berth`].some(
    (known) => known.toLowerCase() === name,
  );
}

function addressesIn({ endpoints }: ServiceEndpoint, networkId: string): string[] {
  return endpoints.filter((endpoint) => endpoint.networkId === networkId).flatMap(addressesOf);
}
