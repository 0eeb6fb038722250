import type { Duplex } from 'node:stream';
import { serveGrpc, unary } from '#base/grpc/server.ts';
import { controlService } from '#api/buildkit/control.ts';
import { gatewayService } from '#api/buildkit/gateway.ts';
import { HealthResponse, Nothing } from '#api/buildkit/messages.ts';
import type { BuildkitParts } from '#api/buildkit/parts.ts';

const serving = 1;

/** Serves BuildKit's clients on a connection; resolves when it is closed. */
export async function serveBuildkit(connection: Duplex, parts: BuildkitParts): Promise<void> {
  await serveGrpc(connection, {
    ...controlService(parts),
    ...gatewayService(parts),
    '/grpc.health.v1.Health/Check': unary(Nothing, HealthResponse, () =>
      Promise.resolve({ status: serving }),
    ),
  });
}
