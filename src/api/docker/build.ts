import type { FastifyInstance } from 'fastify';
import { shortId } from '#base/ids.ts';
import type { Image } from '#domain/image/image.ts';
import { familiarName, formatReference, parseReference } from '#domain/image/reference.ts';
import { StepFailure } from '#engine/builds/failures.ts';
import type { Builds, Progress } from '#engine/contracts.ts';
import { buildPrune } from '#api/docker/build-cache.ts';
import { readRegistryConfig } from '#api/docker/build-auth.ts';
import { readBuildQuery, type ReadQuery } from '#api/docker/build-query.ts';
import type { ManyQuery, Query } from '#api/docker/query.ts';
import { clientGone, pacedLinesOf, sendJsonLines, uploadOf } from '#api/streams.ts';

type Line = Progress & { errorDetail?: { code: number; message: string }; error?: string };
/** Resolves when the client has room for more. */
type Write = (line: Line) => Promise<void>;

/** How much of a quiet build's output is kept, for the case that it fails. */
const keptLines = 1000;

/** `POST /build` with the classic builder's stream, `/build/cancel` and `/build/prune`. */
export function buildRoutes(app: FastifyInstance, engine: { builds: Builds; now: () => number }): void {
  app.post<{ Querystring: ManyQuery }>('/build', { config: { repeats: true } }, (request, reply) => {
    const read = readBuildQuery(request.query);
    const auths = readRegistryConfig(request.headers['x-registry-config']);
    const signal = clientGone(reply);
    const context = read.remote === undefined ? { tar: uploadOf(request) } : { remote: read.remote };
    const work = (write: Write): Promise<void> =>
      respond(read, write, (onProgress) =>
        engine.builds.build({ ...read.settings, auths, context, onProgress, signal }),
      );
    return sendJsonLines(reply, pacedLinesOf(work, signal));
  });
  app.post<{ Querystring: Query }>('/build/cancel', async (request, reply) => {
    engine.builds.cancel(request.query['id'] ?? '');
    return reply.code(204).send();
  });
  buildPrune(app, engine);
}

async function respond(
  read: ReadQuery,
  write: Write,
  build: (onProgress: Write) => Promise<Image>,
): Promise<void> {
  const kept: Line[] = [];
  const keep: Write = (line) => {
    kept.push(line);
    if (kept.length > keptLines) kept.shift();
    return Promise.resolve();
  };
  const say = read.quiet ? keep : write;
  try {
    for (const warning of read.warnings) await say({ stream: `[Warning] ${warning}\n` });
    await tellResult(read, await build(say), write);
  } catch (error) {
    for (const line of kept) await write(line);
    if (!(error instanceof StepFailure)) throw error;
    // The client exits with this code.
    await write({ errorDetail: { code: error.exitCode, message: error.message }, error: error.message });
  }
}

async function tellResult({ quiet, settings }: ReadQuery, image: Image, write: Write): Promise<void> {
  if (quiet) {
    await write({ stream: `${image.id}\n` });
    return;
  }
  await write({ aux: { ID: image.id } });
  await write({ stream: `Successfully built ${shortId(image.id)}\n` });
  for (const tag of settings.tags)
    await write({ stream: `Successfully tagged ${familiarName(formatReference(parseReference(tag)))}\n` });
}
