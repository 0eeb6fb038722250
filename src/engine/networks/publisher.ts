import { BerthError, invalid, isKind } from '#base/errors.ts';
import type { Container, PublishedPort } from '#domain/container/container.ts';
import type { WantedPort } from '#domain/container/port-bindings.ts';
import { hostBindingOf } from '#domain/network/settings.ts';
import type { FilterChange, Publication } from '#ports/packet-filter.ts';
import { addressesOf, type Lease } from './address-book.ts';
import type { NetworkParts } from './parts.ts';

type Protocol = Publication['protocol'];

/** Host ports of running containers: held against other programs and redirected to the container. */
export class Publisher {
  readonly #parts: Pick<NetworkParts, 'ports' | 'filter' | 'report'>;
  readonly #published = new Map<string, { target: Lease; ports: PublishedPort[] }>();

  constructor(parts: Pick<NetworkParts, 'ports' | 'filter' | 'report'>) {
    this.#parts = parts;
  }

  /** All ports, or none. @throws conflict `port-taken`; invalid `address-not-available` ... */
  async publish(container: Container, wanted: WantedPort[], target: Lease): Promise<PublishedPort[]> {
    const ports: PublishedPort[] = [];
    try {
      for (const port of wanted) ports.push(...(await this.#reserve(port, target)));
      await this.#parts.filter.apply(changes('publish', ports, target));
    } catch (error) {
      this.#release(ports);
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
      this.#release(entry.ports);
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
  }

  /** Takes over what a container has published. The rules are the caller's to set, from `publications`. */
  async adopt(container: Container, target: Lease): Promise<void> {
    this.#published.set(container.id, { target, ports: container.ports });
    for (const port of container.ports) {
      try {
        await this.#parts.ports.reserve(protocolOf(port.container), port.hostIp, port.hostPort);
      } catch (error) {
        this.#parts.report(
          `container ${container.name}: port ${port.hostPort} of the host is not held`,
          error,
        );
      }
    }
  }

  publications(): Publication[] {
    return [...this.#published.values()].flatMap(({ target, ports }) =>
      ports.map((port) => publication(port, target)),
    );
  }

  /** On the first free port of the wanted range, by IPv4 and, if the container has it, by IPv6. */
  async #reserve(wanted: WantedPort, target: Lease): Promise<PublishedPort[]> {
    for (let port = wanted.first; ; port += 1) {
      try {
        return await this.#reserveOne(wanted, port, target);
      } catch (error) {
        if (port >= wanted.last || !isKind(error, 'conflict')) throw error;
      }
    }
  }

  async #reserveOne(wanted: WantedPort, port: number, target: Lease): Promise<PublishedPort[]> {
    const { container } = wanted;
    const held: PublishedPort[] = [];
    let hostPort = port;
    try {
      for (const hostIp of hostAddresses(wanted, target)) {
        hostPort = await this.#parts.ports.reserve(protocolOf(container), hostIp, hostPort);
        held.push({ container, hostIp, hostPort });
      }
      return held;
    } catch (error) {
      this.#release(held);
      throw error;
    }
  }

  #release(ports: PublishedPort[]): void {
    for (const { container, hostIp, hostPort } of ports)
      this.#parts.ports.release(protocolOf(container), hostIp, hostPort);
  }
}

/** @throws invalid `publish-address-family` */
function hostAddresses(wanted: WantedPort, target: Lease): string[] {
  const hostIp = wanted.hostIp === '' ? hostBindingOf(target.network) : wanted.hostIp;
  const hasV4 = target.endpoint.ipAddress !== '';
  const hasV6 = target.endpoint.ip6Address !== '';
  if (hostIp === '') return [...(hasV4 ? ['0.0.0.0'] : []), ...(hasV6 ? ['::'] : [])];
  if (hostIp.includes(':') ? hasV6 : hasV4) return [hostIp];
  throw invalid(
    'publish-address-family',
    `cannot publish port ${wanted.container} on ${hostIp}: the container has ${addressesOf(target.endpoint).join(' and ')} in network ${target.network.name}, required is an address of the same kind`,
    { hint: 'Publish on an address of the other kind, or create the network with --ipv6.' },
  );
}

function protocolOf(container: string): Protocol {
  const name = container.split('/')[1];
  return name === 'udp' || name === 'sctp' ? name : 'tcp';
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
  return ports.map((port) => ({ do: kind, publication: publication(port, target) }));
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
