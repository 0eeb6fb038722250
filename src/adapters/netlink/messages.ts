import { addressBytes, addressText, FAMILY } from '#adapters/linux/address.ts';
import { attribute, attributes, nested, NLM, type NetlinkMessage } from '#adapters/linux/netlink.ts';
import {
  formatAddress,
  formatSubnet,
  lastOf,
  parseAddress,
  parseInterface,
  parseSubnet,
} from '#domain/network/cidr.ts';
import type { LinkCounters } from '#ports/links.ts';

// Messages of rtnetlink(7). Numbers from linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h.

const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  GETROUTE: 26,
} as const;
export const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  LINKINFO: 18,
  IFALIAS: 20,
  STATS64: 23,
  NET_NS_FD: 28,
} as const;
export const INFO = { KIND: 1, DATA: 2, SLAVE_KIND: 4, SLAVE_DATA: 5 } as const;
export const VETH_INFO_PEER = 1;
const BRPORT = { MODE: 4, ISOLATED: 33 } as const;
const IFA = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4, CACHEINFO: 6 } as const;
const RTA = { DST: 1, OIF: 4, GATEWAY: 5, TABLE: 15 } as const;
const IFF_UP = 1;
/** No duplicate address detection: the address is ours by allocation and is usable at once. */
const IFA_F_NODAD = 2;
const TABLE_MAIN = 254;

/** struct ifinfomsg */
function linkHeader(index: number, flags: number): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(flags, 8);
  header.writeUInt32LE(flags, 12);
  return header;
}

export function link(
  about: string,
  flags: number,
  index: number,
  up: boolean,
  ...parts: Buffer[]
): NetlinkMessage {
  return {
    type: RTM.NEWLINK,
    flags,
    about,
    body: Buffer.concat([linkHeader(index, up ? IFF_UP : 0), ...parts]),
  };
}

export const create = NLM.CREATE | NLM.EXCL;
export const bytesOf = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');

export interface VethPair {
  hostName: string;
  name: string;
  mac: string;
  mtu: number;
  bridgeIndex: number;
  /** Descriptor of the namespace that gets the inner end. */
  namespace: number;
}

/**
 * Both ends are made in place: the inner one straight in its namespace, the outer one up in the bridge.
 * The inner one cannot be made up: its other end does not exist yet then.
 */
export function createVeth(pair: VethPair): NetlinkMessage {
  const peer = Buffer.concat([
    linkHeader(0, 0),
    attribute(IFLA.IFNAME, pair.name),
    attribute(IFLA.ADDRESS, bytesOf(pair.mac)),
    attribute(IFLA.MTU, pair.mtu),
    attribute(IFLA.NET_NS_FD, pair.namespace),
  ]);
  return link(
    `create link '${pair.hostName}' with '${pair.name}' inside`,
    create,
    0,
    true,
    attribute(IFLA.IFNAME, pair.hostName),
    attribute(IFLA.MTU, pair.mtu),
    attribute(IFLA.MASTER, pair.bridgeIndex),
    nested(
      IFLA.LINKINFO,
      attribute(INFO.KIND, 'veth'),
      nested(INFO.DATA, attribute(VETH_INFO_PEER | 0x8000, peer)),
    ),
  );
}

/**
 * How the bridge treats this link. Hairpin mode lets a frame leave by the link that it came from: a container
 * that calls its own published port needs it.
 */
export function shapePort(name: string, isolated: boolean): NetlinkMessage {
  return link(
    `set bridge options of link '${name}'`,
    0,
    0,
    false,
    attribute(IFLA.IFNAME, name),
    nested(
      IFLA.LINKINFO,
      attribute(INFO.SLAVE_KIND, 'bridge'),
      nested(
        INFO.SLAVE_DATA,
        attribute(BRPORT.MODE, Buffer.from([1])),
        attribute(BRPORT.ISOLATED, Buffer.from([isolated ? 1 : 0])),
      ),
    ),
  );
}

/**
 * Asking for one link also makes the kernel (from 6.8 on) carry out what it put off about its carrier. Without
 * that a bridge drops what a new link sends until the work queue comes round, and the sender waits a second.
 */
export function getLink(name: string): NetlinkMessage {
  const body = Buffer.concat([linkHeader(0, 0), attribute(IFLA.IFNAME, name)]);
  return { type: RTM.GETLINK, flags: 0, body, about: `read link '${name}'` };
}

export function setUp(name: string, index: number, mtu?: number): NetlinkMessage {
  return link(
    `set link '${name}' up`,
    0,
    index,
    true,
    ...(mtu === undefined ? [] : [attribute(IFLA.MTU, mtu)]),
  );
}

export function deleteLink(name: string): NetlinkMessage {
  const body = Buffer.concat([linkHeader(0, 0), attribute(IFLA.IFNAME, name)]);
  return { type: RTM.DELLINK, flags: 0, body, about: `delete link '${name}'` };
}

/**
 * struct ifa_cacheinfo: valid for ever, preferred never. A virtual IPv6 address is not to be what the host calls
 * others from, as it would be for being the most alike.
 */
const NEVER_PREFERRED = Buffer.from('00000000ffffffff0000000000000000', 'hex');

function addressMessage(
  type: number,
  about: string,
  flags: number,
  index: number,
  cidr: string,
): NetlinkMessage {
  const { address, prefix } = parseInterface(cidr);
  const ip = addressBytes(formatAddress(address));
  const header = Buffer.alloc(8);
  header.writeUInt8(FAMILY[address.version], 0);
  header.writeUInt8(prefix, 1);
  header.writeUInt8(IFA_F_NODAD, 2);
  header.writeUInt32LE(index, 4);
  const parts = [header, attribute(IFA.LOCAL, ip), attribute(IFA.ADDRESS, ip)];
  if (address.version === 4 && prefix < 31) {
    const broadcast = formatAddress({ version: 4, value: lastOf(parseSubnet(cidr)) });
    parts.push(attribute(IFA.BROADCAST, addressBytes(broadcast)));
  }
  if (prefix === 128) parts.push(attribute(IFA.CACHEINFO, NEVER_PREFERRED));
  return { type, flags, about, body: Buffer.concat(parts) };
}

/** `cidr` is the interface's own address with its prefix length. */
export function addAddress(name: string, index: number, cidr: string): NetlinkMessage {
  return addressMessage(
    RTM.NEWADDR,
    `add address ${cidr} to '${name}'`,
    NLM.CREATE | NLM.REPLACE,
    index,
    cidr,
  );
}

export function deleteAddress(name: string, index: number, cidr: string): NetlinkMessage {
  return addressMessage(RTM.DELADDR, `delete address ${cidr} of '${name}'`, 0, index, cidr);
}

export function addDefaultRoute(gateway: string, index: number): NetlinkMessage {
  const header = Buffer.alloc(12);
  header.writeUInt8(FAMILY[parseAddress(gateway).version], 0);
  header.writeUInt8(TABLE_MAIN, 4);
  header.writeUInt8(3, 5); // RTPROT_BOOT
  header.writeUInt8(1, 7); // RTN_UNICAST
  const body = Buffer.concat([
    header,
    attribute(RTA.GATEWAY, addressBytes(gateway)),
    attribute(RTA.OIF, index),
  ]);
  return {
    type: RTM.NEWROUTE,
    flags: NLM.CREATE | NLM.REPLACE,
    body,
    about: `add default route by ${gateway}`,
  };
}

export const listLinks: NetlinkMessage = {
  type: RTM.GETLINK,
  flags: 0,
  body: linkHeader(0, 0),
  about: 'list links',
};

export interface LinkInfo {
  index: number;
  name: string;
  /** '' without one. */
  alias: string;
  counters: LinkCounters;
}

export function readLink(body: Buffer): LinkInfo {
  const found = attributes(body, 16);
  const stats = found.get(IFLA.STATS64);
  const counter = (n: number): number => (stats === undefined ? 0 : Number(stats.readBigUInt64LE(8 * n)));
  return {
    index: body.readInt32LE(4),
    name: textIn(found.get(IFLA.IFNAME)),
    alias: textIn(found.get(IFLA.IFALIAS)),
    // struct rtnl_link_stats64
    counters: {
      rxPackets: counter(0),
      txPackets: counter(1),
      rxBytes: counter(2),
      txBytes: counter(3),
      rxErrors: counter(4),
      txErrors: counter(5),
      rxDropped: counter(6),
      txDropped: counter(7),
    },
  };
}

function textIn(value: Buffer | undefined): string {
  return (value ?? Buffer.alloc(0)).toString('utf8').replace(/\0+$/, '');
}

export const listAddresses: NetlinkMessage = {
  type: RTM.GETADDR,
  flags: 0,
  body: Buffer.alloc(8),
  about: 'list addresses',
};

/** Undefined for an address that the kernel made itself (link-local). */
export function readAddress(body: Buffer): { index: number; cidr: string } | undefined {
  const RT_SCOPE_LINK = 253;
  if (body.readUInt8(3) === RT_SCOPE_LINK) return undefined;
  const found = attributes(body, 8);
  const ip = found.get(IFA.LOCAL) ?? found.get(IFA.ADDRESS);
  if (ip === undefined) return undefined;
  return { index: body.readUInt32LE(4), cidr: `${addressText(ip)}/${body.readUInt8(1)}` };
}

export const listRoutes: NetlinkMessage = {
  type: RTM.GETROUTE,
  flags: 0,
  body: Buffer.alloc(12),
  about: 'list routes',
};

/** The subnet of a route in the main table; undefined for a default, link-local, multicast or other route. */
export function readRoute(body: Buffer): string | undefined {
  const found = attributes(body, 12);
  const table = found.get(RTA.TABLE)?.readUInt32LE(0) ?? body.readUInt8(4);
  const target = found.get(RTA.DST);
  if (table !== TABLE_MAIN || target === undefined) return undefined;
  const subnet = formatSubnet(parseSubnet(`${addressText(target)}/${body.readUInt8(1)}`));
  return /^(fe80|ff)/.test(subnet) ? undefined : subnet;
}
