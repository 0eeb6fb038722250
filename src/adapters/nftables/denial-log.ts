import type { Socket } from 'node:net';
import { addressText } from '#adapters/linux/address.ts';
import { readEnd } from '#adapters/linux/descriptors.ts';
import { attribute, attributes, NETLINK_NETFILTER, NetlinkSocket } from '#adapters/linux/netlink.ts';
import type { Instance } from '#domain/instance.ts';
import type { DenialLog, DeniedPacket } from '#ports/denial-log.ts';
import { logGroupOf, PREFIX } from './policies.ts';

// Packets that rules with `log group` match, as nfnetlink_log passes them on (linux/netfilter/nfnetlink_log.h).

const PACKET = 4 << 8;
const CONFIG = PACKET | 1;
const CFG = { CMD: 1, MODE: 2, QTHRESH: 5 } as const;
const BIND = 1;
const COPY_PACKET = 2;
/** Of each packet: addresses and ports. */
const COPIED = 128;
const ATTRIBUTE = { PAYLOAD: 9, PREFIX: 10 } as const;
const NLMSG_HEADER = 16;
const NFGEN_HEADER = 4;
const PROTOCOLS: Readonly<Record<number, 'tcp' | 'udp' | 'sctp'>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };

/** Reads the log group of an instance's table in the event loop. */
export class NetlinkDenialLog implements DenialLog {
  readonly #group: number;
  #stream: Socket | undefined;

  constructor(instance: Instance) {
    this.#group = logGroupOf(instance.table);
  }

  open(onDenied: (packet: DeniedPacket) => void, onFailure: (error: Error) => void): void {
    const socket = new NetlinkSocket(NETLINK_NETFILTER);
    try {
      socket.run(
        this.#configure('read', attribute(CFG.CMD, Buffer.from([BIND]))),
        this.#configure('copy packets of', attribute(CFG.MODE, copyMode())),
        this.#configure('take each packet of', attribute(CFG.QTHRESH, big(1))),
      );
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
    this.#stream = readEnd(socket.release());
    this.#stream.unref();
    this.#stream.on('error', onFailure);
    this.#stream.on('data', (data: Buffer) => {
      for (const packet of packetsIn(data)) onDenied(packet);
    });
  }

  close(): void {
    this.#stream?.destroy();
  }

  #configure(what: string, body: Buffer) {
    const header = Buffer.from([0, 0, 0, 0]);
    header.writeUInt16BE(this.#group, 2);
    const about = `${what} the log group ${this.#group}`;
    return { type: CONFIG, flags: 0, about, body: Buffer.concat([header, body]) };
  }
}

function big(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
}

function copyMode(): Buffer {
  return Buffer.concat([big(COPIED), Buffer.from([COPY_PACKET, 0])]);
}

/** What a read from the log's socket has. */
export function packetsIn(data: Buffer): DeniedPacket[] {
  const packets: DeniedPacket[] = [];
  for (let at = 0; at + NLMSG_HEADER <= data.length;) {
    const size = data.readUInt32LE(at);
    if (size < NLMSG_HEADER) break;
    if (data.readUInt16LE(at + 4) === PACKET) {
      const found = attributes(data.subarray(at, at + size), NLMSG_HEADER + NFGEN_HEADER);
      const packet = packetOf(found.get(ATTRIBUTE.PREFIX), found.get(ATTRIBUTE.PAYLOAD));
      if (packet !== undefined) packets.push(packet);
    }
    at += (size + 3) & ~3;
  }
  return packets;
}

/** Headers of IPv4 (RFC 791) or IPv6 (RFC 8200), and the ports of what follows. */
function packetOf(prefix: Buffer | undefined, packet: Buffer | undefined): DeniedPacket | undefined {
  const isV4 = packet !== undefined && (packet[0] ?? 0) >> 4 === 4;
  if (packet === undefined || packet.length < (isV4 ? 20 : 40)) return undefined;
  const direction = directionOf(prefix);
  const header = isV4 ? ((packet[0] ?? 0) & 15) * 4 : 40;
  const protocol = PROTOCOLS[packet[isV4 ? 9 : 6] ?? 0] ?? 'other';
  const hasPort = protocol !== 'other' && packet.length >= header + 4;
  const address = (from: number): string => addressText(packet.subarray(from, from + (isV4 ? 4 : 16)));
  return {
    direction,
    protocol,
    from: address(isV4 ? 12 : 8),
    to: address(isV4 ? 16 : 24),
    port: hasPort ? packet.readUInt16BE(header + 2) : 0,
  };
}

function directionOf(prefix: Buffer | undefined): DeniedPacket['direction'] {
  const word = prefix?.toString('latin1').replace(/\0.*$/s, '');
  return word === PREFIX.egress ? 'egress' : 'ingress';
}
