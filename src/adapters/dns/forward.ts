import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

const PATIENCE_MS = 2000;
const DNS_PORT = 53;
const FLAGS_AT = 2;
const TRUNCATED = 0x02;
const HEADER = 12;

/** A resolver to forward to; the port is another than 53 in tests only. */
export interface Upstream {
  address: string;
  port?: number;
}

/** The first answer of the servers, asked one after another; undefined when none answers in time. */
export async function forward(
  query: Buffer,
  servers: Upstream[],
  byTcp: boolean,
): Promise<Buffer | undefined> {
  for (const server of servers) {
    const answer = await (byTcp ? askTcp(query, server) : askUdp(query, server));
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** As `forward` by UDP, and by TCP when the answer did not fit. */
export async function forwardWhole(query: Buffer, servers: Upstream[]): Promise<Buffer | undefined> {
  const answer = await forward(query, servers, false);
  const isCut = answer !== undefined && ((answer[FLAGS_AT] ?? 0) & TRUNCATED) !== 0;
  return isCut ? ((await forward(query, servers, true)) ?? answer) : answer;
}

/** The query under a number of our own, so that nobody else can guess what answer we wait for. */
function renumbered(query: Buffer): { sent: Buffer; restore: (answer: Buffer) => Buffer | undefined } {
  const id = randomInt(65_536);
  const sent = Buffer.from(query);
  sent.writeUInt16BE(id, 0);
  const restore = (answer: Buffer): Buffer | undefined => {
    if (answer.length < HEADER || answer.readUInt16BE(0) !== id) return undefined;
    const out = Buffer.from(answer);
    query.copy(out, 0, 0, 2);
    return out;
  };
  return { sent, restore };
}

function askUdp(query: Buffer, server: Upstream): Promise<Buffer | undefined> {
  const { sent, restore } = renumbered(query);
  const socket = createSocket(server.address.includes(':') ? 'udp6' : 'udp4');
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  socket.on('error', () => resolve(undefined));
  socket.on('message', (message) => {
    const answer = restore(message);
    if (answer !== undefined) resolve(answer);
  });
  // Connected: answers of others are not for us, and a refusal is told at once.
  socket.on('connect', () => socket.send(sent));
  socket.connect(server.port ?? DNS_PORT, server.address);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

function askTcp(query: Buffer, server: Upstream): Promise<Buffer | undefined> {
  const { sent, restore } = renumbered(query);
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const socket = connect({ host: server.address, port: server.port ?? DNS_PORT });
  const timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  const received: Buffer[] = [];
  socket.on('error', () => resolve(undefined));
  socket.on('end', () => resolve(undefined));
  socket.on('connect', () => socket.write(framed(sent)));
  socket.on('data', (data: Buffer) => {
    received.push(data);
    const whole = Buffer.concat(received);
    if (whole.length >= 2 && whole.length >= 2 + whole.readUInt16BE(0))
      resolve(restore(whole.subarray(2, 2 + whole.readUInt16BE(0))));
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** Over TCP each message has its length before it (RFC 1035, 4.2.2). */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
