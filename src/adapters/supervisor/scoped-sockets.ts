import { lstat, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { listenOnSocket, refuseUsedSocket } from '#adapters/supervisor/listen-socket.ts';
import { conflict, systemCode } from '#base/errors.ts';
import type { ScopedSocket } from '#domain/access/scope.ts';
import type { OpenSocket, SocketOpener } from '#ports/socket-opener.ts';

/** Opens scoped sockets with servers that somebody else makes. */
export class ScopedSockets implements SocketOpener {
  readonly #serve: (scope: ScopedSocket) => { server: Server; close(): void };

  constructor(serve: (scope: ScopedSocket) => { server: Server; close(): void }) {
    this.#serve = serve;
  }

  async open(socket: ScopedSocket): Promise<OpenSocket> {
    const { path } = socket;
    if (await isSocket(path)) await refuseUsedSocket(path);
    const door = this.#serve(socket);
    try {
      await listenOnSocket(door.server, path);
    } catch (error) {
      door.close();
      throw error;
    }
    return {
      close: async () => {
        door.close();
        await rm(path, { force: true });
      },
    };
  }
}

/** @throws conflict `socket-path-taken` for anything else than a socket: it would be replaced */
async function isSocket(path: string): Promise<boolean> {
  const found = await lstat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found?.isSocket() === false)
    throw conflict('socket-path-taken', `'${path}' exists and is not a socket`, {
      hint: 'choose another path',
    });
  return found !== undefined;
}
