import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NetlinkLinks } from '#adapters/netlink/links.ts';
import type { NftPacketFilter } from '#adapters/nftables/packet-filter.ts';
import { instanceOf, type Instance } from '#domain/instance.ts';
import { openNetwork } from '#main/network-thread.ts';
import { Peer } from './peer.ts';

/** One instance's links and rules on the host that the calling thread is in, all removed at the end. */
export class HostNetwork implements AsyncDisposable {
  readonly instance: Instance;
  readonly links: NetlinkLinks;
  readonly filter: NftPacketFilter;
  readonly changes: string[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'berth-net-'));
  readonly #peers: Peer[] = [];
  readonly #close: () => Promise<void>;
  #count = 0;

  constructor() {
    this.instance = instanceOf(join(this.#folder, 'root'), join(this.#folder, 'run'));
    const { links, filter, close } = openNetwork(this.instance, (message) => this.changes.push(message));
    this.links = links;
    this.filter = filter;
    this.#close = close;
  }

  /** A bridge such as `b12345ax` with the first address of `10.N.0.0/24`. */
  async bridge(suffix: string, subnet: string): Promise<string> {
    const name = this.instance.linkPrefix + suffix;
    await this.links.ensureBridge({ name, addresses: [`${subnet}.1/24`], mtu: 1500 });
    return name;
  }

  /** A namespace with one link on a bridge, and a program in it. */
  peer(
    bridge: string,
    address: string,
    options: { gateway?: string; isolated?: boolean } = {},
  ): Promise<Peer & { namespace: string }> {
    return this.#peer(bridge, `${address}/24`, options);
  }

  peer6(bridge: string, address: string, gateway: string): Promise<Peer & { namespace: string }> {
    return this.#peer(bridge, `${address}/64`, { gateway });
  }

  async #peer(
    bridge: string,
    cidr: string,
    options: { gateway?: string; isolated?: boolean },
  ): Promise<Peer & { namespace: string }> {
    this.#count += 1;
    const id = `peer${this.#count}`;
    const namespace = await this.links.createNamespace(id);
    await this.links.connect({
      namespace,
      bridge,
      hostName: `${this.instance.linkPrefix}v${this.#count}`,
      name: 'eth0',
      mac: `02:42:0a:00:00:${this.#count.toString(16).padStart(2, '0')}`,
      addresses: [cidr],
      gateways: options.gateway === undefined ? [] : [options.gateway],
      mtu: 1500,
      isolated: options.isolated === true,
    });
    const peer = await Peer.in(namespace);
    this.#peers.push(peer);
    return Object.assign(peer, { namespace });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) await peer[Symbol.asyncDispose]();
    for (const id of await this.links.listNamespaces()) await this.links.removeNamespace(id);
    for (const name of await this.links.listLinks(this.instance.linkPrefix))
      await this.links.removeLink(name);
    await this.filter.remove();
    await this.#close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
