import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { invalid } from '#base/errors.ts';
import { shortId } from '#base/ids.ts';
import type { Image } from '#domain/image/image.ts';
import { familiarName, formatReference, parseReference } from '#domain/image/reference.ts';
import { StepFailure } from '#engine/builds/failures.ts';
import type { Builds, Progress, Solves, Uploads } from '#engine/contracts.ts';
import { buildPrune } from '#api/docker/build-cache.ts';
import { readRegistryConfig } from '#api/docker/build-auth.ts';
import type { TraceLine } from '#api/docker/build-solve.ts';
import { readBuildQuery, type ReadQuery } from '#api/docker/build-query.ts';
import type { ManyQuery, Query } from '#api/docker/query.ts';
import { clientGone, pacedLinesOf, sendJsonLines, uploadOf } from '#api/streams.ts';

type Line = Progress & { errorDetail?: { code: number; message: string }; error?: string };
/** Resolves when the client has room for more. */
type Write = (line: Line) => Promise<void>;

/** How much of a quiet build's output is kept, for the case that it fails. */
const keptLines = 1000;

export interface BuildRouteParts {
  builds: Builds;
  solves: Solves;
  uploads: Uploads;
  now: () => number;
}

/** `POST /build` with the classic builder's stream, `/build/cancel` and `/build/prune`. */
export function buildRoutes(app: FastifyInstance, engine: BuildRouteParts): void {
  app.post<{ Querystring: ManyQuery }>('/build', { config: { repeats: true } }, (request, reply) => {
    const read = readBuildQuery(request.query);
    const auths = readRegistryConfig(request.headers['x-registry-config']);
    const signal = clientGone(reply);
    if (read.isTraced) return answerTraced(engine, read, request, reply);
    const context = read.remote === undefined ? { tar: uploadOf(request) } : { remote: read.remote };
    const work = (write: Write): Promise<void> =>
      respond(read, write, (onProgress) =>
        engine.builds.build({ ...read.settings, auths, context, onProgress, signal }),
      );
    return sendJsonLines(reply, pacedLinesOf(work, signal));
  });
  app.post<{ Querystring: Query }>('/build/cancel', async (request, reply) => {
    const { id = '' } = request.query;
    if (id === '') throw invalid('build-id-missing', 'build ID not provided');
    engine.builds.cancel(id);
    engine.solves.cancel(id);
    return reply.code(204).send();
  });
  buildPrune(app, engine);
}

/** `version=2`. */
async function answerTraced(
  { solves, uploads }: BuildRouteParts,
  read: ReadQuery,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const signal = clientGone(reply);
  // Few clients still ask so: what it takes is loaded when one does.
  const { solveRequest, solveTraced, uploadFor } = await import('#api/docker/build-solve.ts');
  const upload = uploadFor(read);
  if (upload !== undefined) {
    await uploads.offer(upload, uploadOf(request), signal);
    return reply.send();
  }
  const asked = await solveRequest(read, () => uploadOf(request), uploads, signal);
  return sendJsonLines(
    reply,
    pacedLinesOf<TraceLine>(
      (write) => solveTraced(solves, asked, { write, quiet: read.quiet }, signal),
      signal,
    ),
  );
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
