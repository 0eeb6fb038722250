import { chmod, chown, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { conflict, messageOf, systemCode, unavailable } from '#base/errors.ts';

/** To be asked before anything is started. @throws conflict `socket-in-use` when another program answers there */
export async function refuseUsedSocket(path: string): Promise<void> {
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
  const early = `${path}.${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await rm(early, { force: true });
    await listen(server, early);
    await chown(early, 0, await socketGroup());
    await chmod(early, 0o660);
    await rename(early, path);
  } catch (error) {
    throw unavailable('socket-failed', `cannot listen on the socket '${path}': ${messageOf(error)}`, {
      cause: error,
    });
  }
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
    throw error;
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
