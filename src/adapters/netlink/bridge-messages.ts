import { attribute, nested, type NetlinkMessage } from '#adapters/linux/netlink.ts';
import { bytesOf, create, IFLA, INFO, link } from './messages.ts';

// Messages about bridges. Numbers from linux/if_link.h.

const BRIDGE = { NF_CALL_IPTABLES: 36, NF_CALL_IP6TABLES: 37 } as const;

export function createBridge(name: string, mac: string, mtu: number): NetlinkMessage {
  return link(
    `create bridge '${name}'`,
    create,
    0,
    true,
    attribute(IFLA.IFNAME, name),
    attribute(IFLA.ADDRESS, bytesOf(mac)),
    attribute(IFLA.MTU, mtu),
    nested(IFLA.LINKINFO, attribute(INFO.KIND, 'bridge')),
  );
}

/** Lets what the ports of a bridge send each other pass the packet filter, where the kernel has br_netfilter. */
export function filterBridged(name: string, index: number): NetlinkMessage {
  const on = Buffer.from([1]);
  return link(
    `let bridge '${name}' be filtered`,
    0,
    index,
    true,
    nested(
      IFLA.LINKINFO,
      attribute(INFO.KIND, 'bridge'),
      nested(INFO.DATA, attribute(BRIDGE.NF_CALL_IPTABLES, on), attribute(BRIDGE.NF_CALL_IP6TABLES, on)),
    ),
  );
}
