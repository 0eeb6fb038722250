import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import { answerMalformed } from '#api/malformed.ts';
import { route, type RouterOptions } from '#api/registry/router.ts';

/** A client that sends or takes nothing for so long is let go; an upload can be gone on with. Milliseconds. */
const idleMs = 300_000;

export interface RegistryServer {
  server: Server;
  /** For connections to come. */
  renew: (tls: { cert: string; key: string }) => void;
  /** Nothing works for a request any more; some do for a moment after its connection has ended. */
  settled: () => Promise<void>;
}

/** The server of the registry's API; it does not listen yet. @param tls PEM texts */
export function createRegistryServer(
  parts: Omit<RouterOptions, 'isTls'>,
  tls: { cert: string; key: string } | undefined,
): RegistryServer {
  const options = { ...parts, isTls: tls !== undefined };
  const working = new Set<Promise<void>>();
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const work = route(options, request, response).finally(() => working.delete(work));
    working.add(work);
  };
  const settled = async (): Promise<void> => {
    await Promise.all(working);
  };
  const common = { keepAliveTimeout: 75_000, requestTimeout: 0 };
  if (tls === undefined) return { server: ready(createHttp(common, serve)), renew: () => undefined, settled };
  const server = createHttps({ ...common, ...tls, minVersion: 'TLSv1.2' }, serve);
  return {
    server: ready(server),
    renew: (next) => server.setSecureContext({ ...next, minVersion: 'TLSv1.2' }),
    settled,
  };
}

function ready<T extends Server>(server: T): T {
  server.setTimeout(idleMs);
  server.on('clientError', answerMalformed);
  return server;
}
