import { notFound } from '#base/errors.ts';
import { hasLinks } from '#domain/network/endpoint.ts';
import type { Network } from '#domain/network/network.ts';
import type { Collection } from '#ports/state-store.ts';

/** The networks in memory, written through. */
export class NetworkBook {
  readonly #documents: Collection<Network>;
  readonly #networks: Map<string, Network>;

  constructor(documents: Collection<Network>) {
    this.#documents = documents;
    this.#networks = new Map(documents.entries());
  }

  list(): Network[] {
    return [...this.#networks.values()];
  }

  bridges(): Network[] {
    return this.list().filter((network) => network.driver === 'bridge');
  }

  /** Those in which containers have links. */
  linked(): Network[] {
    return this.list().filter(hasLinks);
  }

  byId(id: string): Network | undefined {
    return this.#networks.get(id);
  }

  byName(name: string): Network | undefined {
    return this.list().find((network) => network.name === name);
  }

  /** By id, name or unambiguous start of an id. @throws not-found `network-missing` */
  get(ref: string): Network {
    const exact = this.byId(ref) ?? this.byName(ref);
    if (exact !== undefined) return exact;
    const alike = ref === '' ? [] : this.list().filter((network) => network.id.startsWith(ref));
    const [found] = alike;
    if (found === undefined || alike.length > 1)
      throw notFound('network-missing', `network ${ref} not found`, {
        hint:
          alike.length > 1
            ? `${alike.length} networks have ids that start with '${ref}'`
            : 'docker network ls',
      });
    return found;
  }

  put(network: Network): void {
    this.#documents.put(network.id, network);
    this.#networks.set(network.id, network);
  }

  delete(id: string): void {
    this.#documents.delete(id);
    this.#networks.delete(id);
  }
}
