import { once } from 'node:events';
import { connect } from 'node:net';
import type { Found } from './network-prober.ts';

/** Succeeds when a connection comes about; nothing is sent. @throws what the connection failed with */
export async function tcpLook(host: string, port: number, signal: AbortSignal): Found {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect', { signal });
    return { success: true, output: `connected to port ${port}` };
  } finally {
    // An error that comes later concerns nobody any more.
    socket.on('error', () => undefined);
    socket.destroy();
  }
}
