import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { lookup } from 'node:dns/promises';
import { systemCode } from '#base/errors.ts';
import { UnixDatagram } from '#adapters/linux/unix-datagram.ts';
import type { LogConnection } from '#ports/log-targets.ts';

/** Connected, so that a port where nobody listens is noticed. @throws the system's error */
export async function connectUdp(host: string, port: number): Promise<LogConnection> {
  const { address } = await lookup(host);
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  try {
    socket.connect(port, address);
    await once(socket, 'connect');
  } catch (error) {
    socket.close();
    throw error;
  }
  return new UdpConnection(socket);
}

class UdpConnection implements LogConnection {
  readonly #socket: Socket;
  #broken: Error | undefined;
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', (error) => (this.#broken = error));
    socket.unref();
  }

  async send(messages: readonly Uint8Array[]): Promise<number> {
    let tooLarge = 0;
    for (const message of messages) if (!(await this.#send(message))) tooLarge++;
    return tooLarge;
  }

  #send(message: Uint8Array): Promise<boolean> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      this.#socket.send(message, (error) => {
        if (error === null) resolve(true);
        else if (systemCode(error) === 'EMSGSIZE') resolve(false);
        else reject(error);
      });
    });
  }

  close(): void {
    if (!this.#closed) this.#socket.close();
    this.#closed = true;
  }
}

/** @throws SystemCallError */
export function connectUnixDatagram(path: string): LogConnection {
  const socket = new UnixDatagram(path);
  return {
    send: async (messages) => {
      let tooLarge = 0;
      for (const message of messages) if (!(await socket.send(message))) tooLarge++;
      return tooLarge;
    },
    close: () => socket.close(),
  };
}
