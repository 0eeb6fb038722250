import { BerthError } from '#base/errors.ts';
import type { Container, PublishedPort } from '#domain/container/container.ts';
import type { WantedPort } from '#domain/container/port-bindings.ts';
import type { FilterChange, Publication } from '#ports/packet-filter.ts';
import { addressesOf, type Lease } from './address-book.ts';
import { protocolOf, type HostPorts, type PortTarget } from './host-ports.ts';
import type { NetworkParts } from './parts.ts';

/** Host ports of running containers: held against other programs and redirected to the container. */
export class Publisher {
  readonly #parts: Pick<NetworkParts, 'filter' | 'report'>;
  readonly #hostPorts: HostPorts;
  readonly #published = new Map<string, { target: Lease; ports: PublishedPort[] }>();

  constructor(parts: Pick<NetworkParts, 'filter' | 'report'>, hostPorts: HostPorts) {
    this.#parts = parts;
    this.#hostPorts = hostPorts;
  }

  /** All ports, or none. @throws conflict `port-taken`; invalid `address-not-available` ... */
  async publish(container: Container, wanted: WantedPort[], target: Lease): Promise<PublishedPort[]> {
    const ports: PublishedPort[] = [];
    try {
      for (const port of wanted) ports.push(...(await this.#hostPorts.reserve(port, placeOf(target))));
      await this.#parts.filter.apply(changes('publish', ports, target));
      this.#hostPorts.relay(ports, placeOf(target));
    } catch (error) {
      this.#hostPorts.release(ports);
      throw explained(error, container, target);
    }
    this.#published.set(container.id, { target, ports });
    return ports;
  }

  /** Idempotent. */
  async unpublish(containerId: string): Promise<void> {
    const entry = this.#published.get(containerId);
    if (entry === undefined) return;
    this.#published.delete(containerId);
    try {
      await this.#parts.filter.apply(changes('unpublish', entry.ports, entry.target));
    } finally {
      this.#hostPorts.release(entry.ports);
    }
  }

  /** The container left the network by which its ports were reached: they go on by another, if there is one. */
  async retarget(containerId: string, left: Lease, next: Lease | undefined): Promise<void> {
    const entry = this.#published.get(containerId);
    if (entry?.target !== left) return;
    if (next === undefined) return this.unpublish(containerId);
    this.#published.set(containerId, { target: next, ports: entry.ports });
    await this.#parts.filter.apply([
      ...changes('unpublish', entry.ports, left),
      ...changes('publish', entry.ports, next),
    ]);
    this.#hostPorts.relay(entry.ports, placeOf(next));
  }

  /** Takes over what a container has published. The rules are the caller's to set, from `publications`. */
  async adopt(container: Container, target: Lease): Promise<void> {
    this.#published.set(container.id, { target, ports: container.ports });
    await this.#hostPorts.hold(container.ports, `container ${container.name}`);
    this.#hostPorts.relay(container.ports, placeOf(target));
  }

  publications(): Publication[] {
    return [...this.#published.values()].flatMap(({ target, ports }) => publicationsOf(ports, target));
  }
}

function placeOf({ endpoint, network }: Lease): PortTarget {
  return { network, addresses: addressesOf(endpoint) };
}

function publication(port: PublishedPort, target: Lease): Publication {
  const { endpoint, network } = target;
  return {
    protocol: protocolOf(port.container),
    hostIp: port.hostIp,
    hostPort: port.hostPort,
    targetIp: port.hostIp.includes(':') ? endpoint.ip6Address : endpoint.ipAddress,
    targetPort: Number(port.container.split('/')[0]),
    bridge: network.bridge,
  };
}

function changes(kind: 'publish' | 'unpublish', ports: PublishedPort[], target: Lease): FilterChange[] {
  return publicationsOf(ports, target).map((publication) => ({ do: kind, publication }));
}

/** Of those that can be redirected: to an address of the same kind. */
function publicationsOf(ports: PublishedPort[], target: Lease): Publication[] {
  return ports.map((port) => publication(port, target)).filter(({ targetIp }) => targetIp !== '');
}

function explained(error: unknown, container: Container, target: Lease): unknown {
  if (!(error instanceof BerthError)) return error;
  const where = `endpoint ${container.name} (${target.endpoint.endpointId})`;
  const message = `failed to set up container networking: driver failed programming external connectivity on ${where}: ${error.message}`;
  return new BerthError(error.kind, error.code, message, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
