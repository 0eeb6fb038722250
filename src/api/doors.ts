import { once } from 'node:events';
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Hijack } from '#api/docker/hijack.ts';
import { answerMalformed } from '#api/malformed.ts';
import type { ScopedSocket } from '#domain/access/scope.ts';

export interface DoorOptions {
  /** PEM texts. With `ca`, a client without a certificate of that authority is not let in. */
  tls?: { cert: string; key: string; ca?: string };
  /** What may be asked here; absent: everything. */
  scope?: ScopedSocket;
}

/** A further server of the same routes, to be listened with. */
export interface Door {
  server: Server;
  /** Stops accepting and cuts every connection, also hijacked ones. */
  close(): void;
}

/** The servers beside the application's own one; each knows what may be asked through it. */
export class Doors {
  readonly #app: FastifyInstance;
  readonly #hijack: Hijack;
  readonly #doors = new Set<Door>();
  readonly #scopes = new WeakMap<IncomingMessage, ScopedSocket>();

  constructor(app: FastifyInstance, hijack: Hijack) {
    this.#app = app;
    this.#hijack = hijack;
  }

  /** What a request may ask for; undefined: everything. */
  scopeOf(request: IncomingMessage): ScopedSocket | undefined {
    return this.#scopes.get(request);
  }

  open({ tls, scope }: DoorOptions): Door {
    const mark = (request: IncomingMessage): void => {
      if (scope !== undefined) this.#scopes.set(request, scope);
    };
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      mark(request);
      this.#app.routing(request, response);
    };
    const common = {
      keepAliveTimeout: this.#app.server.keepAliveTimeout,
      requestTimeout: 0,
      shouldUpgradeCallback: (request: IncomingMessage) => this.#hijack.takes(request.url ?? ''),
    };
    const server =
      tls === undefined
        ? createHttp(common, serve)
        : createHttps(
            {
              ...common,
              ...tls,
              minVersion: 'TLSv1.2',
              // A client that closes its side of a raw stream still reads: node:http does so, node:https has to be told.
              allowHalfOpen: true,
              requestCert: tls.ca !== undefined,
              rejectUnauthorized: true,
            },
            serve,
          );
    server.on('clientError', answerMalformed);
    // The application's server hands upgraded connections on to the hijacked routes.
    server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      mark(request);
      this.#app.server.emit('upgrade', request, stream, head);
    });
    return this.#keep(server);
  }

  #keep(server: Server): Door {
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    const door: Door = {
      server,
      close: () => {
        this.#doors.delete(door);
        server.close();
        for (const socket of sockets) socket.destroy();
      },
    };
    this.#doors.add(door);
    return door;
  }

  /** No new connections; resolves when those that there are have ended. */
  async drain(): Promise<void> {
    const closing = [...this.#doors].map(async ({ server }) => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      await closed;
    });
    await Promise.all(closing);
  }

  closeAll(): void {
    for (const door of [...this.#doors]) door.close();
  }
}
