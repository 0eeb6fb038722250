import { chmod, chown, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { conflict, messageOf, systemCode, unavailable } from '#base/errors.ts';

/** What unix(7) allows, 107 bytes, less what the early name adds. */
const longest = 107 - '.4194304'.length;

/**
 * To be asked before anything is started.
 * @throws conflict `socket-in-use` when another program answers there; unavailable `socket-failed` where none can be
 */
export async function refuseUsedSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > longest)
    throw unavailable(
      'socket-failed',
      `cannot listen on the socket '${path}': its path has ${Buffer.byteLength(path)} bytes, ${longest} are possible`,
      { hint: 'set BERTH_RUN or BERTH_HOST to a shorter path' },
    );
  if (await isAnswered(path))
    throw conflict('socket-in-use', `another program listens on the socket '${path}'`, {
      hint: 'stop it, or set BERTH_HOST to another socket',
    });
}

/**
 * Listens on a unix socket that only root and the group `berth`, or else `docker`, may use (mode 0660).
 * The socket appears under its name only when it is ready; one that a crash left is replaced.
 * @throws unavailable `socket-failed`
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  const early = earlyName(path);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await rm(early, { force: true });
    await listen(server, early);
    await chown(early, 0, await socketGroup());
    await chmod(early, 0o660);
    await rename(early, path);
  } catch (error) {
    await rm(early, { force: true });
    throw failed(path, error);
  }
}

function earlyName(path: string): string {
  return `${path}.${process.pid}`;
}

function failed(path: string, error: unknown): Error {
  return unavailable('socket-failed', `cannot listen on the socket '${path}': ${messageOf(error)}`, {
    cause: error,
    hint: 'set BERTH_RUN or BERTH_HOST to a path where a socket can be made',
  });
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, 'listening');
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ECONNREFUSED') return false;
    throw failed(path, error);
  } finally {
    socket.destroy();
  }
}

async function socketGroup(): Promise<number> {
  const groups = await readFile('/etc/group', 'utf8');
  for (const name of ['berth', 'docker']) {
    const id = new RegExp(`^${name}:[^:]*:(\\d+):`, 'm').exec(groups)?.[1];
    if (id !== undefined) return Number(id);
  }
  return 0;
}
