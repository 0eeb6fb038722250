import type { Container } from '#domain/container/container.ts';
import type { EndpointRequest } from '#domain/container/config.ts';
import type { Network } from '#domain/network/network.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { KeyedMutex } from '#base/mutex.ts';
import { parseLink } from '#domain/container/hosts-file.ts';
import { hasProcess } from '#domain/container/state.ts';
import { joinsContainer, refuseMixed } from '#engine/containers/endpoints.ts';
import { etcTexts } from '#engine/containers/etc-files.ts';
import { forbidden, invalid, notFound } from '#base/errors.ts';

/** Joins containers to networks and takes them out, running or not. */
export class Connecting {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #locks: KeyedMutex;

  constructor(parts: ContainerParts, registry: ContainerRegistry, locks: KeyedMutex) {
    this.#parts = parts;
    this.#registry = registry;
    this.#locks = locks;
  }

  /** @throws forbidden `endpoint-exists`; invalid `network-mode`; as Networks.get, Networks.attach */
  connect(id: string, name: string, request: EndpointRequest): Promise<void> {
    return this.#locks.run(id, async () => {
      const { networks } = this.#parts;
      const container = this.#registry.get(id);
      const network = networks.get(name);
      refuseConnect(container, network.name);
      if (container.endpoints.some((endpoint) => endpoint.networkId === network.id))
        throw forbidden(
          'endpoint-exists',
          `endpoint with name ${container.name} already exists in network ${network.name}`,
        );
      const who = { id, name: container.name, hostname: container.config.Hostname ?? '' };
      const drafted = networks.endpoint(who, network, request, nextIndex(container));
      const endpoint = hasProcess(container)
        ? await networks.attach(container, drafted, container.endpoints.length === 0)
        : drafted;
      await this.#save(id, { endpoints: [...container.endpoints, endpoint] });
      this.#event('connect', network, id);
    });
  }

  /** @throws not-found `endpoint-missing` */
  disconnect(id: string, name: string, force: boolean): Promise<void> {
    return this.#locks.run(id, async () => {
      const { networks } = this.#parts;
      const container = this.#registry.get(id);
      const network = networks.get(name);
      const endpoint = container.endpoints.find((each) => each.networkId === network.id);
      if (endpoint === undefined) {
        if (force) return;
        throw notFound('endpoint-missing', `container ${id} is not connected to network ${network.name}`);
      }
      if (network.name === 'host')
        throw invalid(
          'network-mode',
          'cannot disconnect container from host network - container was created in host network mode',
        );
      if (hasProcess(container)) await networks.detach(id, endpoint);
      await this.#save(id, { endpoints: container.endpoints.filter((each) => each !== endpoint) });
      this.#event('disconnect', network, id);
    });
  }

  /** Its variables stay until the next start. @throws not-found `link-missing` */
  unlink(id: string, alias: string): Promise<void> {
    return this.#locks.run(id, async () => {
      const container = this.#registry.get(id);
      const links = container.hostConfig.Links ?? [];
      const left = links.filter((link) => parseLink(link).alias !== alias);
      if (left.length === links.length)
        throw notFound('link-missing', `No such link: /${container.name}/${alias}`);
      await this.#save(id, { hostConfig: { ...container.hostConfig, Links: left } });
    });
  }

  /** Of what it is at this moment: its health, and whether it is given requests, change also while this has its lock. */
  async #save(id: string, changed: Partial<Pick<Container, 'endpoints' | 'hostConfig'>>): Promise<void> {
    const saved = this.#registry.put({ ...this.#registry.get(id), ...changed });
    if (!hasProcess(saved)) return;
    await this.#parts.files.write(
      saved.id,
      await etcTexts(this.#parts, saved, (ref) => this.#registry.find(ref)),
    );
  }

  #event(action: string, { id, name, driver }: Network, container: string): void {
    this.#parts.events.emit('network', action, id, { container, name, type: driver });
  }
}

/** @throws invalid `network-mode` in Docker's words */
function refuseConnect(container: Container, network: string): void {
  const joined = container.endpoints.map((endpoint) => endpoint.networkName);
  if (joinsContainer(container) !== undefined) refuseMixed(['host']);
  if (network === 'host' && !joined.includes('host'))
    throw invalid(
      'network-mode',
      'cannot connect container to host network - container must be created in host network mode',
    );
  if (joined.some((other) => other !== network)) refuseMixed([...joined, network]);
}

/** The first free number of an interface name ethN. */
function nextIndex(container: Container): number {
  const used = new Set(container.endpoints.map((endpoint) => endpoint.interfaceName));
  let index = 0;
  while (used.has(`eth${index}`)) index++;
  return index;
}
