import koffi from 'koffi';
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** Receives logs in a test; `text` is all of it so far. */
export abstract class LogReceiver implements AsyncDisposable {
  readonly #chunks: Buffer[] = [];
  #wake: () => void = () => undefined;

  protected add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#wake();
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  /** Waits until the text matches. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.text);
      if (found !== null) return found;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  abstract [Symbol.asyncDispose](): Promise<void>;
}

/** By TCP, TLS or a unix socket of streams. */
export class StreamReceiver extends LogReceiver {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    super();
    this.#server = server;
  }

  /** @param at port (0: any that is free) or path */
  static async listen(at: number | string, tls?: TlsOptions): Promise<StreamReceiver> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    const receiver = new StreamReceiver(server);
    server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      receiver.#sockets.add(socket);
      socket.on('data', (chunk) => receiver.add(Buffer.from(chunk)));
      // Whoever is cut off has nothing more to say.
      socket.on('error', () => socket.destroy());
    });
    if (typeof at === 'string') server.listen(at);
    else server.listen(at, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get port(): number {
    return portOf(this.#server.address());
  }

  get connections(): number {
    return [...this.#sockets].filter((socket) => !socket.destroyed).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

export class UdpReceiver extends LogReceiver {
  readonly #socket = createSocket('udp4');

  static async listen(): Promise<UdpReceiver> {
    const receiver = new UdpReceiver();
    receiver.#socket.on('message', (message) => receiver.add(message));
    receiver.#socket.bind(0, '127.0.0.1');
    await once(receiver.#socket, 'listening');
    return receiver;
  }

  get port(): number {
    return portOf(this.#socket.address());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }
}

function portOf(address: AddressInfo | string | null): number {
  assert.ok(address !== null && typeof address !== 'string');
  return address.port;
}

const libc = koffi.load('libc.so.6');
const socket: (domain: number, type: number, protocol: number) => number =
  libc.func('int socket(int, int, int)');
const bind: (fd: number, address: Uint8Array, length: number) => number = libc.func(
  'int bind(int, const uint8_t*, unsigned int)',
);
const recv: (fd: number, data: Uint8Array, length: number, flags: number) => number = libc.func(
  'long recv(int, _Out_ uint8_t*, size_t, int)',
);
const close: (fd: number) => number = libc.func('int close(int)');
const AF_UNIX = 1;
const datagramNonBlocking = 0o2004002;

/** A unix socket of datagrams, as the journal's. */
export class UnixDatagramReceiver extends LogReceiver {
  readonly #fd: number;
  #closed = false;
  readonly #done: Promise<void>;

  /** @param path at most 107 bytes */
  constructor(path: string) {
    super();
    this.#fd = socket(AF_UNIX, datagramNonBlocking, 0);
    const address = Buffer.alloc(110);
    address.writeUInt16LE(AF_UNIX, 0);
    address.write(path, 2);
    assert.equal(bind(this.#fd, address, address.length), 0, `bind '${path}'`);
    this.#done = this.#receive();
  }

  /** Node has no event for such a socket. */
  async #receive(): Promise<void> {
    const message = Buffer.alloc(256 * 1024);
    while (!this.#closed) {
      const size = recv(this.#fd, message, message.length, 0);
      if (size < 0) await sleep(5);
      else this.add(Buffer.from(message.subarray(0, size)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#done;
    close(this.#fd);
  }
}
