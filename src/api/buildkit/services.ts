import type { Duplex } from 'node:stream';
import { serveGrpc, unary } from '#base/grpc/server.ts';
import { contentService } from '#api/buildkit/content.ts';
import { controlService } from '#api/buildkit/control.ts';
import { gatewayService } from '#api/buildkit/gateway.ts';
import { HealthResponse, Nothing } from '#api/buildkit/messages.ts';
import type { BuildkitParts } from '#api/buildkit/parts.ts';
import { RecordBlobs } from '#api/buildkit/record-blobs.ts';

const serving = 1;

/** What serves BuildKit's clients on their connections; resolves when the connection is closed. */
export function buildkitServer(parts: BuildkitParts): (connection: Duplex) => Promise<void> {
  const blobs = new RecordBlobs(parts.solves);
  const methods = {
    ...controlService(parts, blobs),
    ...contentService(blobs),
    ...gatewayService(parts),
    '/grpc.health.v1.Health/Check': unary(Nothing, HealthResponse, () =>
      Promise.resolve({ status: serving }),
    ),
  };
  return (connection) => serveGrpc(connection, methods);
}
