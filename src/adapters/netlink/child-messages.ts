import { attribute, nested, type NetlinkMessage } from '#adapters/linux/netlink.ts';
import type { ChildKind, ChildLink } from '#ports/links.ts';
import { bytesOf, create, IFLA, INFO, link, VETH_INFO_PEER } from './messages.ts';

// Links that hang on another link. Numbers from linux/if_link.h.

const MACVLAN = {
  MODE: 1,
  modes: { private: 1, vepa: 2, bridge: 4, passthru: 8 },
} as const;
const IPVLAN = {
  MODE: 1,
  FLAGS: 2,
  modes: { l2: 0, l3: 1, l3s: 2 },
  flags: { bridge: 0, private: 1, vepa: 2 },
} as const;
const VLAN_ID = 1;

function numberOf(table: Readonly<Record<string, number>>, name: string): number {
  const found = table[name];
  if (found === undefined) throw new Error(`there is no mode '${name}' of links`);
  return found;
}

function short(value: number): Buffer {
  const out = Buffer.alloc(2);
  out.writeUInt16LE(value);
  return out;
}

function settings({ kind, mode, flag }: Pick<ChildLink, 'kind' | 'mode' | 'flag'>): Buffer[] {
  if (kind === 'macvlan') return [attribute(MACVLAN.MODE, numberOf(MACVLAN.modes, mode))];
  return [
    attribute(IPVLAN.MODE, short(numberOf(IPVLAN.modes, mode))),
    attribute(IPVLAN.FLAGS, short(numberOf(IPVLAN.flags, flag ?? 'bridge'))),
  ];
}

/** Straight into the namespace with this descriptor. */
export function createChild(child: ChildLink, parentIndex: number, namespace: number): NetlinkMessage {
  return link(
    `create ${child.kind} link '${child.name}' on '${child.parent}'`,
    create,
    0,
    false,
    attribute(IFLA.IFNAME, child.name),
    attribute(IFLA.LINK, parentIndex),
    attribute(IFLA.NET_NS_FD, namespace),
    ...(child.mtu === 0 ? [] : [attribute(IFLA.MTU, child.mtu)]),
    ...(child.kind === 'macvlan' ? [attribute(IFLA.ADDRESS, bytesOf(child.mac))] : []),
    nested(IFLA.LINKINFO, attribute(INFO.KIND, child.kind), nested(INFO.DATA, ...settings(child))),
  );
}

/** A macvlan in mode passthru is made with its parent's address; given another one, the parent takes that, too. */
export function setMac(name: string, index: number, mac: string): NetlinkMessage {
  return link(`set MAC address of link '${name}'`, 0, index, false, attribute(IFLA.ADDRESS, bytesOf(mac)));
}

/**
 * Cannot succeed, because it names no link to hang on; the kernel's reason tells whether it knows the kind: ENOTSUP when
 * not.
 */
export function tryKind(kind: ChildKind | 'vlan'): NetlinkMessage {
  return link(
    `try a link of kind ${kind}`,
    create,
    0,
    false,
    nested(IFLA.LINKINFO, attribute(INFO.KIND, kind)),
  );
}

export function createVlan(name: string, parentIndex: number, id: number): NetlinkMessage {
  return link(
    `create VLAN ${id} '${name}'`,
    create,
    0,
    true,
    attribute(IFLA.IFNAME, name),
    attribute(IFLA.LINK, parentIndex),
    nested(IFLA.LINKINFO, attribute(INFO.KIND, 'vlan'), nested(INFO.DATA, attribute(VLAN_ID, short(id)))),
  );
}

/** A name that people see (`ip link`), and by which what we made is known again. */
export function setAlias(name: string, alias: string): NetlinkMessage {
  const parts = [attribute(IFLA.IFNAME, name), attribute(IFLA.IFALIAS, alias)];
  return link(`mark link '${name}'`, 0, 0, false, ...parts);
}

export function createPair(name: string, other: string): NetlinkMessage {
  const peer = Buffer.concat([Buffer.alloc(16), attribute(IFLA.IFNAME, other)]);
  return link(
    `create links '${name}' and '${other}'`,
    create,
    0,
    false,
    attribute(IFLA.IFNAME, name),
    nested(
      IFLA.LINKINFO,
      attribute(INFO.KIND, 'veth'),
      nested(INFO.DATA, attribute(VETH_INFO_PEER | 0x8000, peer)),
    ),
  );
}
