import { errno } from '#adapters/linux/libc.ts';
import { attribute, nested, type NetlinkMessage } from '#adapters/linux/netlink.ts';
import { parseAddress } from '#domain/network/cidr.ts';
import type { Publication, ServicePort } from '#ports/packet-filter.ts';

// Connection tracking keeps a UDP flow's translation for as long as packets come. A sender that goes on
// after a port was published or withdrawn would stay with the old decision, so its flow is forgotten.
// Messages of ctnetlink (linux/netfilter/nfnetlink_conntrack.h); the filter needs Linux 5.8.

const DELETE = (1 << 8) | 2;
const CTA = { TUPLE_ORIG: 1, TUPLE_REPLY: 2, STATUS: 3, FILTER: 25, STATUS_MASK: 26 } as const;
const TUPLE = { IP: 1, PROTO: 2 } as const;
const PROTO = { NUM: 1, SRC_PORT: 2, DST_PORT: 3 } as const;
const FILTER = { ORIG_FLAGS: 1, REPLY_FLAGS: 2 } as const;
const BY = { IP_SRC: 1, PROTO_NUM: 8, SRC_PORT: 16, DST_PORT: 32 } as const;
const IP_SRC = { 4: 1, 6: 3 } as const;
const FAMILY = { 4: 2, 6: 10 } as const;
const IPPROTO_UDP = 17;
const SEEN_REPLY = 2;

function port(type: number, value: number): Buffer {
  const out = Buffer.alloc(2);
  out.writeUInt16BE(value);
  return attribute(type, out);
}

function big(type: number, value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return attribute(type, out);
}

const udp = attribute(PROTO.NUM, Buffer.from([IPPROTO_UDP]));

function deletion(version: 4 | 6, of: string, ...parts: Buffer[]): NetlinkMessage {
  const header = Buffer.from([FAMILY[version], 0, 0, 0]);
  const about = `forget flows of ${of}`;
  return { type: DELETE, flags: 0, about, body: Buffer.concat([header, ...parts]), tolerate: [errno.ENOENT] };
}

/** `ip` as the source of the answers. */
function answeredBy(ip: string, ...more: Buffer[]): Buffer {
  const { version, value } = parseAddress(ip);
  const bytes = Buffer.from(value.toString(16).padStart(version === 4 ? 8 : 32, '0'), 'hex');
  return nested(CTA.TUPLE_REPLY, nested(TUPLE.IP, attribute(IP_SRC[version], bytes)), ...more);
}

function filter(original: number, reply: number): Buffer {
  return nested(CTA.FILTER, attribute(FILTER.ORIG_FLAGS, original), attribute(FILTER.REPLY_FLAGS, reply));
}

/**
 * A backend that gets no new connections: its UDP flows, which never end, and what it has not answered, such as
 * the first packet of a connection, go to another one when the sender repeats.
 */
export function forgetBackend(address: string): NetlinkMessage[] {
  const { version } = parseAddress(address);
  const of = `backend ${address}`;
  return [
    deletion(version, of, answeredBy(address, nested(TUPLE.PROTO, udp)), filter(0, BY.IP_SRC | BY.PROTO_NUM)),
    deletion(
      version,
      of,
      answeredBy(address),
      big(CTA.STATUS, 0),
      big(CTA.STATUS_MASK, SEEN_REPLY),
      filter(0, BY.IP_SRC),
    ),
  ];
}

/** Flows to the port that nobody has answered yet. */
export function forgetUnanswered({ hostIp, hostPort }: ServicePort): NetlinkMessage {
  return deletion(
    hostIp.includes(':') ? 6 : 4,
    `port ${hostPort}`,
    nested(CTA.TUPLE_ORIG, nested(TUPLE.PROTO, udp, port(PROTO.DST_PORT, hostPort))),
    big(CTA.STATUS, 0),
    big(CTA.STATUS_MASK, SEEN_REPLY),
    filter(BY.PROTO_NUM | BY.DST_PORT, 0),
  );
}

/** Flows that the container's port answers. */
export function forgetTranslated({ targetIp, targetPort, hostPort }: Publication): NetlinkMessage {
  return deletion(
    parseAddress(targetIp).version,
    `port ${hostPort}`,
    answeredBy(targetIp, nested(TUPLE.PROTO, udp, port(PROTO.SRC_PORT, targetPort))),
    filter(0, BY.IP_SRC | BY.PROTO_NUM | BY.SRC_PORT),
  );
}
