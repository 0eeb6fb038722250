import type { FastifyInstance, FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import type { ContainerApiParts } from '#api/docker/containers.ts';
import type { Hijack } from '#api/docker/hijack.ts';
import type { WaitCondition } from '#engine/contracts.ts';
import { attachRoutes } from '#api/docker/containers-attach.ts';
import { logLines } from '#api/docker/container-logs.ts';
import { streamType } from '#api/docker/stdio.ts';
import { clientGone } from '#api/streams.ts';
import { integer, type Query } from '#api/docker/query.ts';
import { invalid } from '#base/errors.ts';

interface Named {
  Params: { id: string };
  Querystring: Query;
}

/** Attach, logs, wait and resize. */
export function containerStreams(app: FastifyInstance, hijack: Hijack, parts: ContainerApiParts): void {
  const { containers } = parts;
  attachRoutes(hijack, parts);

  app.get<Named>('/containers/:id/logs', async (request, reply) => {
    const { params, query, apiVersion } = request;
    const container = containers.get(params.id);
    const raw = container.config.Tty === true;
    const { promise: opened, resolve: onOpen } = Promise.withResolvers<void>();
    const lines = logLines(containers, container, { query, raw, signal: clientGone(reply), onOpen });
    const output = Readable.from(lines, { objectMode: false });
    output.once('end', onOpen).once('error', onOpen).read(0);
    // docker-py removes the container once it sees the headers, and reads only then.
    await opened;
    begin(reply, 200, streamType(raw, apiVersion));
    send(reply, output);
  });

  app.post<Named>('/containers/:id/wait', async ({ params, query }, reply) => {
    const condition = waitCondition(query['condition']);
    const outcome = containers.wait(params.id, condition, clientGone(reply));
    // The client starts the container once it sees the headers: it must not miss an early exit.
    begin(reply, 200, 'application/json');
    try {
      const { exitCode, error } = await outcome;
      const more = error === undefined ? {} : { Error: { Message: error } };
      reply.raw.end(`${JSON.stringify({ StatusCode: exitCode, ...more })}\n`);
    } catch {
      // The headers are out, so a cut connection is the only way left to say that there is no answer.
      reply.raw.destroy();
    }
  });

  app.post<Named>('/containers/:id/resize', async ({ params, query }, reply) => {
    await containers.resize(params.id, ...sizeOf(query));
    return reply.code(200).send();
  });
}

export function sizeOf(query: Query): [columns: number, rows: number] {
  const rows = integer(query, 'h');
  const columns = integer(query, 'w');
  if (rows === undefined || columns === undefined || rows < 0 || columns < 0)
    throw invalid('size-invalid', `invalid terminal size: h=${query['h'] ?? ''} w=${query['w'] ?? ''}`);
  return [columns, rows];
}

function waitCondition(text: string | undefined): WaitCondition {
  if (text === undefined || text === '') return 'not-running';
  if (text === 'not-running' || text === 'next-exit' || text === 'removed') return text;
  throw invalid('wait-condition-invalid', `invalid condition: "${text}"`);
}

/** Sends the headers at once: what follows may stay silent for long. */
function begin(reply: FastifyReply, status: number, type: string): void {
  const headers = Object.entries(reply.getHeaders()).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  reply.hijack();
  reply.raw.writeHead(status, { ...Object.fromEntries(headers), 'Content-Type': type });
  reply.raw.flushHeaders();
}

function send(reply: FastifyReply, body: Readable): void {
  body.on('error', () => reply.raw.destroy());
  reply.raw.once('close', () => body.destroy());
  body.pipe(reply.raw);
}
