import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { LogConnection } from '#ports/log-targets.ts';

/** How long a receiver may take to answer, in milliseconds. */
const patience = 10_000;

/** @throws the system's error */
export function connectStream(to: { host: string; port: number } | { path: string }): Promise<LogConnection> {
  return connected(connect(to), 'connect');
}

/** @throws the system's or TLS's error */
export function connectSecure(options: ConnectionOptions): Promise<LogConnection> {
  return connected(connectTls(options), 'secureConnect');
}

async function connected(socket: Socket, event: string): Promise<LogConnection> {
  try {
    await once(socket, event, { signal: AbortSignal.timeout(patience) });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return new StreamConnection(socket);
}

/** Messages follow each other, as RFC 6587 has it; each ends with a newline or says its length. */
class StreamConnection implements LogConnection {
  readonly #socket: Socket;
  /** Why it can be used no more. */
  #broken: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', (error) => (this.#broken = error));
    // A syslog server says nothing: whatever comes is dropped, and its end is the end of the connection.
    socket.resume();
    const ended = (): void => {
      this.#broken ??= new Error('the receiver closed the connection');
      socket.destroy();
    };
    socket.on('end', ended);
    socket.on('close', ended);
    socket.setKeepAlive(true, patience);
  }

  send(messages: readonly Uint8Array[]): Promise<number> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      this.#socket.write(Buffer.concat(messages), (error) => {
        const reason = error ?? this.#broken;
        if (reason instanceof Error) reject(reason);
        else resolve(0);
      });
    });
  }

  close(): void {
    if (this.#socket.writableLength > 0) this.#socket.destroy();
    else this.#socket.destroySoon();
  }
}
