import { addressBytes } from '#adapters/linux/address.ts';

/** Both ends of a TCP connection, as its client sees them. */
export interface Connection {
  version: 4 | 6;
  client: string;
  clientPort: number;
  server: string;
  serverPort: number;
}

const TCP = 6;
const HOPS = 64;
const ACK = 0x10;
const tcpLength = 20;
const words = tcpLength / 4;

/**
 * An IP packet with an empty TCP segment (RFC 9293) from the server to the client, whose sequence number is out of any
 * window but by an unlikely chance: the client answers with where it stands, and takes nothing from it (section 3.10.7.4).
 */
export function emptySegment(connection: Connection): Buffer {
  const from = addressBytes(connection.server);
  const to = addressBytes(connection.client);
  const tcp = Buffer.alloc(tcpLength);
  tcp.writeUInt16BE(connection.serverPort, 0);
  tcp.writeUInt16BE(connection.clientPort, 2);
  tcp.writeUInt8(words << 4, 12);
  tcp.writeUInt8(ACK, 13);
  tcp.writeUInt16BE(checksum(Buffer.concat([from, to, Buffer.from([0, TCP, 0, tcpLength]), tcp])), 16);
  return Buffer.concat([connection.version === 4 ? header4(from, to) : header6(from, to), tcp]);
}

/** The kernel fills in length and checksum (raw(7)). */
function header4(from: Buffer, to: Buffer): Buffer {
  const fixed = Buffer.alloc(12);
  fixed.writeUInt8(0x45, 0);
  fixed.writeUInt8(HOPS, 8);
  fixed.writeUInt8(TCP, 9);
  return Buffer.concat([fixed, from, to]);
}

function header6(from: Buffer, to: Buffer): Buffer {
  const fixed = Buffer.alloc(8);
  fixed.writeUInt8(0x60, 0);
  fixed.writeUInt16BE(tcpLength, 4);
  fixed.writeUInt8(TCP, 6);
  fixed.writeUInt8(HOPS, 7);
  return Buffer.concat([fixed, from, to]);
}

/** RFC 1071. */
function checksum(data: Buffer): number {
  let sum = 0;
  for (let at = 0; at < data.length; at += 2) sum += data.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
