import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { listenOnSocket, refuseUsedSocket } from '#adapters/supervisor/listen-socket.ts';
import type { TlsTexts } from '#adapters/supervisor/tls-files.ts';
import type { ApiServer } from '#api/server.ts';
import { invalid, messageOf, unavailable } from '#base/errors.ts';
import { parseEndpoint, type Endpoint, type Settings } from '#domain/settings/settings.ts';

/** Every address of the settings; the first is the one that clients of this machine use. */
export function endpointsOf({ host, api }: Settings): [Endpoint, ...Endpoint[]] {
  const others = api.hosts.filter((other) => other !== host).map(endpointOf);
  return [endpointOf(host), ...others];
}

function endpointOf(host: string): Endpoint {
  const endpoint = parseEndpoint(host);
  if (endpoint === undefined)
    throw invalid('host-invalid', `'${host}' is not unix:///PATH or tcp://ADDRESS:PORT`);
  return endpoint;
}

/** @throws conflict `socket-in-use` when another program answers on one of the sockets */
export async function refuseUsed(endpoints: readonly Endpoint[]): Promise<void> {
  for (const endpoint of endpoints) if (endpoint.kind === 'unix') await refuseUsedSocket(endpoint.path);
}

/** Unix sockets as they are, TCP with TLS when there are certificates. @throws unavailable `socket-failed`, `address-failed` */
export async function listenOn(
  { app, doors }: ApiServer,
  [first, ...others]: [Endpoint, ...Endpoint[]],
  tls: TlsTexts | undefined,
): Promise<void> {
  const serverOf = (endpoint: Endpoint): Server =>
    doors.open(endpoint.kind === 'tcp' && tls !== undefined ? { tls } : {}).server;
  await listen(first.kind === 'unix' ? app.server : serverOf(first), first);
  for (const endpoint of others) await listen(serverOf(endpoint), endpoint);
}

async function listen(server: Server, endpoint: Endpoint): Promise<void> {
  if (endpoint.kind === 'unix') {
    await listenOnSocket(server, endpoint.path);
    return;
  }
  const { address, port } = endpoint;
  try {
    server.listen(port, address);
    await once(server, 'listening');
  } catch (error) {
    throw unavailable('address-failed', `cannot listen on ${address}, port ${port}: ${messageOf(error)}`, {
      cause: error,
      hint: 'set host (or BERTH_HOST) to an address of this machine with a free port',
    });
  }
}

export async function removeSockets(endpoints: readonly Endpoint[]): Promise<void> {
  for (const endpoint of endpoints) if (endpoint.kind === 'unix') await rm(endpoint.path, { force: true });
}
