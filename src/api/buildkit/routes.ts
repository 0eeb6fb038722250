import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { invalid } from '#base/errors.ts';
import type { Hijack } from '#api/docker/hijack.ts';
import { offerOf } from '#api/buildkit/session.ts';
import type { BuildkitParts } from '#api/buildkit/parts.ts';

/** `POST /session` and `POST /grpc`: connections that become HTTP/2, once the other way round. */
export function buildkitRoutes(hijack: Hijack, parts: BuildkitParts): void {
  let serve: Promise<(connection: Duplex) => Promise<void>> | undefined;
  hijack.post('/session', async ({ headers }, connection) => {
    checkProtocol(headers);
    const offer = offerOf(headers);
    await parts.sessions.open(connection.accept('application/vnd.docker.raw-stream'), offer);
  });
  hijack.post('/grpc', async ({ headers }, connection) => {
    checkProtocol(headers);
    // Most daemons are never asked for it: what it takes is loaded when it is.
    serve ??= import('#api/buildkit/services.ts').then(({ buildkitServer }) => buildkitServer(parts));
    const serveOn = await serve;
    await serveOn(connection.accept('application/vnd.docker.raw-stream'));
  });
}

/** @throws invalid `upgrade-missing`, `upgrade-unsupported` with Docker's words; `body-unwanted` */
function checkProtocol(headers: IncomingHttpHeaders): void {
  const { upgrade = '', 'content-length': length = '0', 'transfer-encoding': encoding } = headers;
  if (upgrade === '') throw invalid('upgrade-missing', 'no upgrade proto in request');
  if (upgrade !== 'h2c') throw invalid('upgrade-unsupported', `protocol ${upgrade} not supported`);
  // What follows a body is no socket, and Node's HTTP/2 is only safe on sockets.
  if (length !== '0' || encoding !== undefined)
    throw invalid('body-unwanted', 'a request that becomes HTTP/2 must not have a body');
}
