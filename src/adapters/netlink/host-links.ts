import { closeSync } from 'node:fs';
import { errno } from '#adapters/linux/libc.ts';
import { NETLINK_ROUTE, type NetlinkMessage, NetlinkSocket } from '#adapters/linux/netlink.ts';
import { notFound, systemCode } from '#base/errors.ts';
import { macOf } from '#domain/network/cidr.ts';
import type { BridgeLink, EndpointLink, InnerLink, LinkCounters } from '#ports/links.ts';
import { createBridge, filterBridged } from './bridge-messages.ts';
import { allowForwarding, setAll, prepareBridge, seesBridged } from './host-settings.ts';
import {
  addAddress,
  addDefaultRoute,
  createVeth,
  deleteAddress,
  deleteLink,
  getLink,
  listAddresses,
  listLinks,
  listRoutes,
  readAddress,
  readLink,
  readRoute,
  setUp,
  shapePort,
  type LinkInfo,
} from './messages.ts';
import type { HomeNamespace } from './namespaces.ts';

const isIpv6 = (address: string): boolean => address.includes(':');

/** Bridges and veth pairs between the host's namespace and those of containers. Every call blocks. */
export class HostLinks {
  readonly #home: HomeNamespace;
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE);

  constructor(home: HomeNamespace) {
    this.#home = home;
  }

  /** Gives what had to be changed on the host, and whether bridged packets pass the packet filter. */
  ensureBridge(bridge: BridgeLink): { changes: string[]; filtered: boolean } {
    const mac = macOf(
      (bridge.addresses.find((address) => !isIpv6(address)) ?? '0.0.0.1/32').split('/')[0] ?? '',
    );
    const withIpv6 = bridge.addresses.some(isIpv6);
    this.#socket.run({ ...createBridge(bridge.name, mac, bridge.mtu), tolerate: [errno.EEXIST] });
    prepareBridge(bridge.name, withIpv6);
    const { index } = this.#link(bridge.name);
    const present = this.#addressesOf(index);
    this.#socket.run(
      setUp(bridge.name, index, bridge.mtu),
      ...present
        .filter((cidr) => !bridge.addresses.includes(cidr))
        .map((cidr) => deleteAddress(bridge.name, index, cidr)),
      ...bridge.addresses
        .filter((cidr) => !present.includes(cidr))
        .map((cidr) => addAddress(bridge.name, index, cidr)),
    );
    if (bridge.filtered === true) this.#socket.run(filterBridged(bridge.name, index));
    return { changes: allowForwarding(withIpv6), filtered: seesBridged(bridge.filtered === true, withIpv6) };
  }

  removeLink(name: string): void {
    this.#socket.run({ ...deleteLink(name), tolerate: [errno.ENODEV] });
  }

  /** Those that are named, or marked, by an instance's prefix. */
  namesOf(prefix: string): string[] {
    const ours = this.#links(this.#socket).filter(
      ({ name, alias }) => name.startsWith(prefix) || alias === prefix,
    );
    return ours.map(({ name }) => name);
  }

  has(name: string): boolean {
    return this.#links(this.#socket).some((link) => link.name === name);
  }

  /** @throws not-found `link-missing` */
  indexOf(name: string): number {
    return this.#link(name).index;
  }

  run(...messages: NetlinkMessage[]): void {
    this.#socket.run(...messages);
  }

  /** Of the routes, and each address of the host by itself: one that stands alone has no route of its own. */
  subnets(): string[] {
    const routes = this.#socket.dump(listRoutes).flatMap((body) => readRoute(body) ?? []);
    const addresses = this.#socket.dump(listAddresses).flatMap((body) => readAddress(body)?.cidr ?? []);
    const alone = addresses.map((cidr) => cidr.replace(/\/.*/, isIpv6(cidr) ? '/128' : '/32'));
    return [...routes, ...alone.filter((cidr) => !cidr.startsWith('127.') && cidr !== '::1/128')];
  }

  /** Failed: no link is left. */
  connect(link: EndpointLink): void {
    const namespace = this.#home.open(link.namespace);
    try {
      const bridgeIndex = this.#link(link.bridge).index;
      this.#socket.run(createVeth({ ...link, bridgeIndex, namespace }));
      try {
        this.#socket.run(shapePort(link.hostName, link.isolated === true));
        this.configure(link);
        this.#link(link.hostName);
      } catch (error) {
        this.removeLink(link.hostName);
        throw error;
      }
    } finally {
      closeSync(namespace);
    }
  }

  disconnect(namespace: string, name: string): void {
    using inside = this.#home.socketIn(namespace);
    inside.run({ ...deleteLink(name), tolerate: [errno.ENODEV] });
  }

  routeBy(namespace: string, name: string, gateways: string[]): void {
    using inside = this.#home.socketIn(namespace);
    const { index } = this.#linkIn(inside, name);
    inside.run(...gateways.map((gateway) => addDefaultRoute(gateway, index)));
  }

  counters(namespace: string): Record<string, LinkCounters> {
    using inside = this.#home.socketIn(namespace);
    const links = this.#links(inside).filter((link) => link.name !== 'lo');
    return Object.fromEntries(links.map((link) => [link.name, link.counters]));
  }

  /** Addresses, routes and the state of a link that is in its namespace. @param also before it goes up */
  configure(link: InnerLink, also: (index: number) => NetlinkMessage[] = () => []): void {
    using inside = this.#home.socketIn(link.namespace);
    const { index } = this.#linkIn(inside, link.name);
    const settings = Object.entries(link.settings ?? {});
    if (settings.length > 0) this.#home.within(link.namespace, () => setAll(link.name, settings));
    inside.run(
      ...also(index),
      setUp(link.name, index),
      ...link.addresses.map((cidr) => addAddress(link.name, index, cidr)),
      ...link.gateways.map((gateway) => addDefaultRoute(gateway, index)),
    );
  }

  #links(socket: NetlinkSocket): LinkInfo[] {
    return socket.dump(listLinks).map(readLink);
  }

  #link(name: string): LinkInfo {
    return this.#linkIn(this.#socket, name);
  }

  #linkIn(socket: NetlinkSocket, name: string): LinkInfo {
    try {
      return readLink(socket.get(getLink(name)));
    } catch (error) {
      throw systemCode(error) === 'ENODEV' ? missing(name) : error;
    }
  }

  #addressesOf(index: number): string[] {
    const all = this.#socket.dump(listAddresses).flatMap((body) => readAddress(body) ?? []);
    return all.filter((address) => address.index === index).map((address) => address.cidr);
  }
}

function missing(name: string): Error {
  return notFound('link-missing', `there is no network link '${name}'`);
}
