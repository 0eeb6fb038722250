import type { Container } from '#domain/container/container.ts';
import { parseLink } from '#domain/container/hosts-file.ts';
import { resolvesNames } from '#domain/network/endpoint.ts';
import type { Network } from '#domain/network/network.ts';
import type { PolicyMembers } from '#engine/contracts/policies.ts';
import type { NameSource } from '#ports/resolver.ts';
import { addressesOf, type AddressBook, type Lease } from './address-book.ts';
import type { Connected } from './parts.ts';
import type { ServiceNames } from './service-names.ts';

/**
 * What containers call each other. The asker's address tells the container, and it sees the names of the
 * networks that it is in; names are read from the containers as they are now.
 */
export class ContainerNames implements NameSource {
  readonly #book: AddressBook;
  readonly #services: ServiceNames;
  readonly #policies: Pick<PolicyMembers, 'awaits' | 'resolved'>;
  readonly #connected: (networkId: string) => Connected[];
  #turn = 0;

  constructor(
    book: AddressBook,
    rooms: {
      services: ServiceNames;
      policies: Pick<PolicyMembers, 'awaits' | 'resolved'>;
      connected: (networkId: string) => Connected[];
    },
  ) {
    this.#book = book;
    this.#services = rooms.services;
    this.#policies = rooms.policies;
    this.#connected = rooms.connected;
  }

  addresses(name: string, asker: string): { v4: string[]; v6: string[] } | undefined {
    for (const lease of this.#visible(asker)) {
      const bare = bareName(lease, name);
      const found =
        this.#services.addresses(lease.network.id, bare, this.#appOf(lease)) ?? this.#named(lease, name);
      if (found === undefined) continue;
      this.#turn += 1;
      return {
        v4: rotated(
          found.filter((address) => !address.includes(':')),
          this.#turn,
        ),
        v6: rotated(
          found.filter((address) => address.includes(':')),
          this.#turn,
        ),
      };
    }
    return undefined;
  }

  targets(name: string, asker: string): { name: string; port: number }[] | undefined {
    for (const lease of this.#visible(asker)) {
      const found = this.#services.targets(lease.network.id, bareName(lease, name), this.#appOf(lease));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  nameOf(address: string, asker: string): string | undefined {
    for (const { network } of this.#visible(asker)) {
      const service = this.#services.nameOf(network.id, address);
      if (service !== undefined) return `${service}.${network.name}`;
    }
    const target = this.#book.holder(address);
    const isShared = this.#visible(asker).some((lease) => lease.network.id === target?.network.id);
    if (target === undefined || !isShared) return undefined;
    const found = this.#connected(target.network.id).find((each) => each.container.id === target.containerId);
    return found === undefined ? undefined : `${found.container.name}.${target.network.name}`;
  }

  awaits(name: string, asker: string): boolean {
    return this.#policies.awaits(name, asker);
  }

  resolved(name: string, asker: string, addresses: string[], seconds: number): Promise<void> {
    return this.#policies.resolved(name, asker, addresses, seconds);
  }

  /** A container's own servers, none for one without a way out, else undefined for the host's. */
  upstreams(asker: string): string[] | undefined {
    const containerId = this.#book.holder(asker)?.containerId;
    if (containerId === undefined) return [];
    const leases = this.#book.ofContainer(containerId);
    if (leases.every((lease) => lease.network.internal)) return [];
    const own = this.#containerOf(leases)?.hostConfig.Dns ?? [];
    return own.length > 0 ? own : undefined;
  }

  #visible(asker: string): Lease[] {
    const holder = this.#book.holder(asker);
    if (holder === undefined) return [];
    return this.#book.ofContainer(holder.containerId).filter((lease) => resolvesNames(lease.network));
  }

  /** Addresses of the joined containers that have this name (or name.network) in the asker's network. */
  #named(asker: Lease, name: string): string[] | undefined {
    const { network } = asker;
    const bare = bareName(asker, name);
    const linked = linkedName(asker, bare);
    const matches = (each: Connected): boolean =>
      each.endpoint.dnsNames.some((known) => [name, bare, linked].includes(known.toLowerCase()));
    const found = this.#joined(network).filter(matches);
    if (found.length === 0) return undefined;
    return found.flatMap(({ endpoint }) => addressesOf(endpoint));
  }

  #appOf(lease: Lease): string | undefined {
    return this.#containerOf([lease])?.identity?.app;
  }

  #joined(network: Network): Connected[] {
    const holds = ({ container }: Connected): boolean =>
      this.#book.ofContainer(container.id).some((lease) => lease.network.id === network.id);
    return this.#connected(network.id).filter(holds);
  }

  #containerOf(leases: Lease[]): Container | undefined {
    const [lease] = leases;
    if (lease === undefined) return undefined;
    return this.#connected(lease.network.id).find(({ container }) => container.id === lease.containerId)
      ?.container;
  }
}

/** Without the network's name at its end. */
function bareName({ network }: Lease, name: string): string {
  const suffix = `.${network.name.toLowerCase()}`;
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

/** The container that the asker's links call by this name (`container:alias`). */
function linkedName(asker: Lease, name: string): string | undefined {
  const links = (asker.endpoint.request.Links ?? []).map(parseLink);
  return links.find((link) => link.alias.toLowerCase() === name)?.container.toLowerCase();
}

/** The same list beginning elsewhere each time, so that callers who take the first share the load. */
function rotated(list: string[], turn: number): string[] {
  const start = list.length === 0 ? 0 : turn % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}
