import { invalid, isKind } from '#base/errors.ts';
import type { PublishedPort } from '#domain/container/container.ts';
import type { WantedPort } from '#domain/container/port-bindings.ts';
import type { Network } from '#domain/network/network.ts';
import { hostBindingOf } from '#domain/network/settings.ts';
import type { Publication } from '#ports/packet-filter.ts';
import type { NetworkParts } from './parts.ts';

/** What a port leads to: the kinds of address that it has decide on which of the host's it is reached. */
export interface PortTarget {
  network: Network;
  addresses: readonly string[];
}

/** Ports of the host, held against other programs. */
export class HostPorts {
  readonly #parts: Pick<NetworkParts, 'ports' | 'report'>;

  constructor(parts: Pick<NetworkParts, 'ports' | 'report'>) {
    this.#parts = parts;
  }

  /**
   * The first free port of the wanted range, by IPv4 and, if the target has it, by IPv6. What is in `held` counts
   * as free.
   * @throws conflict `port-taken`; invalid `publish-address-family`, `address-not-available` ...
   */
  async reserve(
    wanted: WantedPort,
    target: PortTarget,
    held: readonly PublishedPort[] = [],
  ): Promise<PublishedPort[]> {
    for (let port = wanted.first; ; port += 1) {
      try {
        return await this.#reserveOne(wanted, port, target, held);
      } catch (error) {
        if (port >= wanted.last || !isKind(error, 'conflict')) throw error;
      }
    }
  }

  /** Takes over what was held before a restart; what cannot be had is reported. */
  async hold(ports: readonly PublishedPort[], holder: string): Promise<void> {
    for (const { container, hostIp, hostPort } of ports) {
      try {
        await this.#parts.ports.reserve(protocolOf(container), hostIp, hostPort);
      } catch (error) {
        this.#parts.report(`${holder}: port ${hostPort} of the host is not held`, error);
      }
    }
  }

  /**
   * Lets ::1 reach a container, by passing on what comes there: the packets cannot be redirected. A container without an
   * address of that kind is reached so by all of `::`.
   */
  relay(ports: readonly PublishedPort[], { addresses }: PortTarget): void {
    const address = addresses.find((each) => each.includes(':')) ?? addresses[0];
    for (const { container, hostIp, hostPort } of ports) {
      if (address === undefined || !isRelayed(hostIp)) continue;
      const target = { address, port: Number(container.split('/')[0]) };
      this.#parts.ports.relay(protocolOf(container), hostIp, hostPort, target);
    }
  }

  /** Idempotent. */
  release(ports: readonly PublishedPort[]): void {
    for (const { container, hostIp, hostPort } of ports)
      this.#parts.ports.release(protocolOf(container), hostIp, hostPort);
  }

  async #reserveOne(
    wanted: WantedPort,
    port: number,
    target: PortTarget,
    held: readonly PublishedPort[],
  ): Promise<PublishedPort[]> {
    const { container } = wanted;
    const taken: PublishedPort[] = [];
    const all: PublishedPort[] = [];
    let hostPort = port;
    try {
      for (const hostIp of hostAddresses(wanted, target)) {
        if (!held.some((one) => isSamePort(one, { container, hostIp, hostPort }))) {
          hostPort = await this.#parts.ports.reserve(protocolOf(container), hostIp, hostPort);
          taken.push({ container, hostIp, hostPort });
        }
        all.push({ container, hostIp, hostPort });
      }
      return all;
    } catch (error) {
      this.release(taken);
      throw error;
    }
  }
}

/** Whether two stand for the same port of the host. */
export function isSamePort(one: PublishedPort, other: PublishedPort): boolean {
  return (
    one.hostIp === other.hostIp &&
    one.hostPort === other.hostPort &&
    protocolOf(one.container) === protocolOf(other.container)
  );
}

/** Of a container's port such as `53/udp`. */
export function protocolOf(container: string): Publication['protocol'] {
  const name = container.split('/')[1];
  return name === 'udp' || name === 'sctp' ? name : 'tcp';
}

const isRelayed = (hostIp: string): boolean => hostIp === '::' || hostIp === '::1';

/** @throws invalid `publish-address-family` */
function hostAddresses(wanted: WantedPort, { network, addresses }: PortTarget): string[] {
  const hostIp = wanted.hostIp === '' ? hostBindingOf(network) : wanted.hostIp;
  const hasV4 = addresses.some((address) => !address.includes(':'));
  const hasV6 = addresses.some((address) => address.includes(':'));
  if (hostIp === '') return [...(hasV4 ? ['0.0.0.0'] : []), ...(hasV6 ? ['::'] : [])];
  if (hostIp.includes(':') ? hasV6 || isRelayed(hostIp) : hasV4) return [hostIp];
  throw invalid(
    'publish-address-family',
    `cannot publish port ${wanted.container} on ${hostIp}: the container has ${addresses.join(' and ')} in network ${network.name}, required is an address of the same kind`,
    { hint: 'Publish on an address of the other kind, or create the network with --ipv6.' },
  );
}
