import { addressBytes, addressText, FAMILY } from '#adapters/linux/address.ts';
import { errno } from '#adapters/linux/libc.ts';
import {
  attribute,
  attributes,
  nested,
  type NetlinkMessage,
  type NetlinkSocket,
} from '#adapters/linux/netlink.ts';
import { parseAddress } from '#domain/network/cidr.ts';
import type { Publication, ServicePort } from '#ports/packet-filter.ts';
import type { Connection } from './segment.ts';

// Connection tracking keeps a flow's translation for as long as packets come. A sender that goes on after a decision
// changed would stay with the old one, so its flow is forgotten.
// Messages of ctnetlink (linux/netfilter/nfnetlink_conntrack.h); the filter needs Linux 5.8.

const GET = (1 << 8) | 1;
const DELETE = (1 << 8) | 2;
const CTA = {
  TUPLE_ORIG: 1,
  TUPLE_REPLY: 2,
  STATUS: 3,
  PROTOINFO: 4,
  ID: 12,
  FILTER: 25,
  STATUS_MASK: 26,
} as const;
const TUPLE = { IP: 1, PROTO: 2 } as const;
const PROTO = { NUM: 1, SRC_PORT: 2, DST_PORT: 3 } as const;
const FILTER = { ORIG_FLAGS: 1, REPLY_FLAGS: 2 } as const;
const BY = { IP_SRC: 1, PROTO_NUM: 8, SRC_PORT: 16, DST_PORT: 32 } as const;
const IP_SRC = { 4: 1, 6: 3 } as const;
const IP_DST = { 4: 2, 6: 4 } as const;
const HEADER = 4;
const PROTOINFO_TCP = 1;
const TCP_STATE = 1;
/** Established, or closed by one side only (linux/netfilter/nf_conntrack_tcp.h). */
const openStates = [3, 4, 5];
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const SEEN_REPLY = 2;

/** Protocol and ports of one direction of a flow. */
interface Lane {
  parts: Buffer[];
  flags: number;
}

/** Flows that have all of what is given. */
interface Flows {
  version: 4 | 6;
  /** For the error's message. */
  of: string;
  /** Source of the answers. */
  address?: string;
  question?: Lane;
  answer?: Lane;
  isUnanswered?: true;
}

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
const tcp = attribute(PROTO.NUM, Buffer.from([IPPROTO_TCP]));

/**
 * A backend that gets no new connections: its UDP flows, which never end, and what it has not answered, such as
 * the first packet of a connection, go to another one when the sender repeats.
 */
export function flowsOfBackend(address: string): Flows[] {
  const flows = flowsOfAddress(address);
  return [
    { ...flows, answer: { parts: [udp], flags: BY.PROTO_NUM } },
    { ...flows, isUnanswered: true },
  ];
}

/**
 * Nobody answers by the address any more, and its clients would wait for minutes. What they say next is translated
 * anew: whoever gets it knows nothing of the connection and resets it.
 */
export function flowsOfAddress(address: string): Flows {
  return { version: parseAddress(address).version, of: `address ${address}`, address };
}

/** Flows to the port that nobody has answered yet. */
export function unansweredFlows({ hostIp, hostPort }: ServicePort): Flows {
  const question = { parts: [udp, port(PROTO.DST_PORT, hostPort)], flags: BY.PROTO_NUM | BY.DST_PORT };
  return { version: hostIp.includes(':') ? 6 : 4, of: `port ${hostPort}`, question, isUnanswered: true };
}

/** Flows that the container's port answers. */
export function translatedFlows({ targetIp, targetPort, hostPort }: Publication): Flows {
  const answer = { parts: [udp, port(PROTO.SRC_PORT, targetPort)], flags: BY.PROTO_NUM | BY.SRC_PORT };
  return { ...flowsOfAddress(targetIp), of: `port ${hostPort}`, answer };
}

/** Ends the translation of all these flows; there may be none. */
export function forget(socket: NetlinkSocket, flows: readonly Flows[]): void {
  const messages = flows.flatMap((one) =>
    // The kernel's filter by an IPv6 address takes all flows but those that are meant (so in Linux 5.8 to 6.18).
    one.version === 6 && one.address !== undefined ? deletions(socket, one) : [about(DELETE, one)],
  );
  if (messages.length > 0) socket.run(...messages);
}

/** One for each flow. */
function deletions(socket: NetlinkSocket, flows: Flows): NetlinkMessage[] {
  return answeredBy(socket, flows).flatMap((parts) => {
    const [question, id] = [parts.get(CTA.TUPLE_ORIG), parts.get(CTA.ID)];
    if (question === undefined || id === undefined) return [];
    return [message(DELETE, flows, nested(CTA.TUPLE_ORIG, question), attribute(CTA.ID, id))];
  });
}

/** Open TCP connections that the address answers under another one. */
export function translatedConnections(socket: NetlinkSocket, address: string): Connection[] {
  const flows = flowsOfAddress(address);
  const { version } = flows;
  const answer = { parts: [tcp], flags: BY.PROTO_NUM };
  return answeredBy(socket, { ...flows, answer }).flatMap((parts) => {
    const state = inner(inner(parts, CTA.PROTOINFO), PROTOINFO_TCP).get(TCP_STATE)?.readUInt8(0) ?? 0;
    const question = inner(parts, CTA.TUPLE_ORIG);
    const [ip, ports] = [inner(question, TUPLE.IP), inner(question, TUPLE.PROTO)];
    const [from, to] = [ip.get(IP_SRC[version]), ip.get(IP_DST[version])];
    const [clientPort, serverPort] = [ports.get(PROTO.SRC_PORT), ports.get(PROTO.DST_PORT)].map((one) =>
      one?.readUInt16BE(0),
    );
    if (!openStates.includes(state) || from === undefined || to === undefined) return [];
    if (clientPort === undefined || serverPort === undefined || to.equals(addressBytes(address))) return [];
    return [{ version, client: addressText(from), clientPort, server: addressText(to), serverPort }];
  });
}

/** The attributes of each flow that is answered by the address, which the kernel's filter sees to for IPv4 only. */
function answeredBy(socket: NetlinkSocket, { address = '', ...flows }: Flows): Map<number, Buffer>[] {
  const meant = addressBytes(address);
  const asked = flows.version === 6 ? flows : { ...flows, address };
  return socket
    .dump(about(GET, asked))
    .map((body) => attributes(body, HEADER))
    .filter((parts) => {
      const ip = inner(inner(parts, CTA.TUPLE_REPLY), TUPLE.IP);
      return ip.get(IP_SRC[flows.version])?.equals(meant) === true;
    });
}

function inner(parts: Map<number, Buffer>, type: number): Map<number, Buffer> {
  return attributes(parts.get(type) ?? nothing, 0);
}

const nothing = Buffer.alloc(0);

function about(type: number, flows: Flows): NetlinkMessage {
  const { version, address, question, answer, isUnanswered } = flows;
  const lane = (of: Lane | undefined): Buffer[] =>
    of === undefined ? [] : [nested(TUPLE.PROTO, ...of.parts)];
  const tuple = (kind: number, parts: Buffer[]): Buffer[] =>
    parts.length === 0 ? [] : [nested(kind, ...parts)];
  const source =
    address === undefined ? [] : [nested(TUPLE.IP, attribute(IP_SRC[version], addressBytes(address)))];
  const byAnswer = (answer?.flags ?? 0) | (address === undefined ? 0 : BY.IP_SRC);
  return message(
    type,
    flows,
    ...tuple(CTA.TUPLE_ORIG, lane(question)),
    ...tuple(CTA.TUPLE_REPLY, [...source, ...lane(answer)]),
    ...(isUnanswered === true ? [big(CTA.STATUS, 0), big(CTA.STATUS_MASK, SEEN_REPLY)] : []),
    nested(
      CTA.FILTER,
      attribute(FILTER.ORIG_FLAGS, question?.flags ?? 0),
      attribute(FILTER.REPLY_FLAGS, byAnswer),
    ),
  );
}

function message(type: number, { version, of }: Flows, ...parts: Buffer[]): NetlinkMessage {
  const body = Buffer.concat([Buffer.from([FAMILY[version], 0, 0, 0]), ...parts]);
  return { type, flags: 0, about: `forget flows of ${of}`, body, tolerate: [errno.ENOENT] };
}
