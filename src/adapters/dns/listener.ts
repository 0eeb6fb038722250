import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { systemCode } from '#base/errors.ts';
import { framed } from './forward.ts';

/** Gives the answer to a query; undefined: say nothing. */
export type Handler = (query: Buffer, asker: string, byTcp: boolean) => Promise<Buffer | undefined>;

const IDLE_MS = 10_000;
const MAX_CONNECTIONS = 256;
/** Questions are short; a client that announces more is not a client. */
const MAX_QUERY = 4096;

/** One address on which questions are taken, by UDP and TCP. */
export class Listener {
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();
  readonly #handle: Handler;

  private constructor(address: string, handle: Handler) {
    this.#handle = handle;
    // With reusePort a container may still publish port 53 of the host.
    this.#udp = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', reusePort: true });
    this.#udp.on('message', (query, from) => void this.#answerUdp(query, from));
    this.#tcp = createServer((socket) => this.#serve(socket));
    this.#tcp.maxConnections = MAX_CONNECTIONS;
  }

  /**
   * Port 0 takes one that is free for both. Rejects with Node's system error when one of the two cannot be had; nothing
   * is left open then.
   */
  static async open(address: string, port: number, handle: Handler): Promise<Listener> {
    for (;;) {
      try {
        return await Listener.#openOnce(address, port, handle);
      } catch (error) {
        if (port !== 0 || systemCode(error) !== 'EADDRINUSE') throw error;
      }
    }
  }

  static async #openOnce(address: string, port: number, handle: Handler): Promise<Listener> {
    const listener = new Listener(address, handle);
    try {
      await settled(listener.#udp, 'listening', () => listener.#udp.bind(port, address));
      const bound = listener.#udp.address().port;
      await settled(listener.#tcp, 'listening', () =>
        listener.#tcp.listen({ host: address, port: bound, reusePort: true }),
      );
    } catch (error) {
      await listener.close();
      throw error;
    }
    // From now on errors concern single datagrams or connections, which the sender repeats.
    listener.#udp.on('error', () => undefined);
    listener.#tcp.on('error', () => undefined);
    return listener;
  }

  get port(): number {
    return this.#udp.address().port;
  }

  async close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    await new Promise<void>((resolve) => this.#udp.close(() => resolve()));
    await new Promise<void>((resolve) => this.#tcp.close(() => resolve()));
  }

  async #answerUdp(query: Buffer, from: { address: string; port: number }): Promise<void> {
    const answer = await this.#handle(query, from.address, false);
    if (answer === undefined) return;
    try {
      this.#udp.send(answer, from.port, from.address, () => undefined);
    } catch {
      // Closed while the answer was on its way.
    }
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('error', () => socket.destroy());
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      rest = Buffer.concat([rest, data]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const size = rest.readUInt16BE(0);
        void this.#answerTcp(rest.subarray(2, 2 + size), socket);
        rest = rest.subarray(2 + size);
      }
      if (rest.length > MAX_QUERY) socket.destroy();
    });
  }

  async #answerTcp(query: Buffer, socket: Socket): Promise<void> {
    const answer = await this.#handle(query, socket.remoteAddress ?? '', true);
    if (answer !== undefined && socket.writable) socket.write(framed(answer));
  }
}

function settled(emitter: UdpSocket | Server, event: string, begin: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    emitter.once('error', reject);
    emitter.once(event, () => {
      emitter.removeListener('error', reject);
      resolve();
    });
    begin();
  });
}
