import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { pipeline, type Duplex } from 'node:stream';
import type { AgentSocket, AgentSockets } from '#ports/agent-sockets.ts';

/** Names below the folder are short: a socket's path has at most 107 bytes. */
const shownDigits = 16;

/** Sockets in one folder, which only root enters; containers get them as binds. */
export class UnixAgentSockets implements AgentSockets {
  readonly #folder: string;

  /** `folder`: absolute; what a crash left in it is removed. */
  constructor(folder: string) {
    this.#folder = folder;
    rmSync(folder, { recursive: true, force: true });
  }

  async open(
    id: string,
    owner: { uid: number; gid: number; mode: number },
    connect: () => Duplex,
  ): Promise<AgentSocket> {
    const path = join(this.#folder, id.slice(0, shownDigits));
    const connections = new Set<Duplex>();
    const server = createServer((socket) => {
      joinBoth(socket, connect(), connections);
    });
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    server.listen(path);
    await once(server, 'listening');
    chownSync(path, owner.uid, owner.gid);
    chmodSync(path, owner.mode);
    return { path, close: () => close(server, connections) };
  }
}

function joinBoth(socket: Socket, agent: Duplex, connections: Set<Duplex>): void {
  for (const end of [socket, agent]) {
    connections.add(end);
    end.once('close', () => connections.delete(end));
  }
  // A side that breaks takes the other with it: there is nobody to tell.
  pipeline(socket, agent, socket, () => undefined);
}

async function close(server: Server, connections: Set<Duplex>): Promise<void> {
  for (const each of connections) each.destroy();
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  await closed;
}
