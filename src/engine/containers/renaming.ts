import type { Container } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { KeyedMutex } from '#base/mutex.ts';
import { parseName } from '#domain/container/names.ts';
import { announce } from '#engine/containers/announcer.ts';
import { invalid, within } from '#base/errors.ts';

/** Gives containers other names, also in their networks. */
export class Renaming {
  readonly #parts: Pick<ContainerParts, 'events'>;
  readonly #registry: ContainerRegistry;
  readonly #locks: KeyedMutex;

  constructor(parts: Pick<ContainerParts, 'events'>, registry: ContainerRegistry, locks: KeyedMutex) {
    this.#parts = parts;
    this.#registry = registry;
    this.#locks = locks;
  }

  /** @throws as parseName; invalid `container-name-same`; conflict `container-name-taken` */
  async rename(id: string, name: string): Promise<void> {
    await this.#locks.run(id, () => {
      const container = this.#registry.get(id);
      const wanted = this.#reserve(container, name);
      const renamed = this.#record(container, wanted);
      this.#registry.releaseName(container.name);
      announce(this.#parts.events, renamed, 'rename', { oldName: `/${container.name}` });
      return Promise.resolve();
    });
  }

  #reserve({ id, name }: Container, asked: string): string {
    if (asked.replace(/^\//, '') === name)
      throw invalid('container-name-same', 'Renaming a container with the same name as its current name');
    try {
      const wanted = parseName(asked.startsWith('/') ? asked : `/${asked}`);
      this.#registry.reserve(wanted, id);
      return wanted;
    } catch (error) {
      throw within('Error when allocating new name', error);
    }
  }

  #record(container: Container, name: string): Container {
    try {
      return this.#registry.put({ ...container, name, endpoints: renamedEndpoints(container, name) });
    } catch (error) {
      this.#registry.releaseName(name);
      throw error;
    }
  }
}

function renamedEndpoints(container: Container, name: string): Container['endpoints'] {
  return container.endpoints.map((endpoint) => ({
    ...endpoint,
    dnsNames: endpoint.dnsNames.map((known) => (known === container.name ? name : known)),
  }));
}
