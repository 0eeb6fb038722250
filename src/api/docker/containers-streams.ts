import type { FastifyInstance, FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import type { ContainerApiParts } from '#api/docker/containers.ts';
import type { Hijack, HijackConnection, HijackRequest } from '#api/docker/hijack.ts';
import type { Container } from '#domain/container/container.ts';
import type { WaitCondition } from '#engine/contracts.ts';
import { parseDetachKeys } from '#api/docker/detach-keys.ts';
import { logLines, logQuery } from '#api/docker/container-logs.ts';
import { pump, streamType } from '#api/docker/stdio.ts';
import { clientGone } from '#api/streams.ts';
import { flag, integer, type Query } from '#api/docker/query.ts';
import { invalid } from '#base/errors.ts';

interface Named {
  Params: { id: string };
  Querystring: Query;
}

/** Attach, logs, wait and resize. */
export function containerStreams(app: FastifyInstance, hijack: Hijack, parts: ContainerApiParts): void {
  const { containers } = parts;
  hijack.post('/containers/:id/attach', (request, connection) => attach(parts, request, connection));

  app.get<Named>('/containers/:id/logs', async (request, reply) => {
    const { params, query, apiVersion } = request;
    const container = containers.get(params.id);
    const lines = logLines(containers, container, query, clientGone(reply));
    begin(reply, 200, streamType(container.config.Tty === true, apiVersion));
    send(reply, Readable.from(lines, { objectMode: false }));
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
      reply.raw.destroy();
    }
  });

  app.post<Named>('/containers/:id/resize', async ({ params, query }, reply) => {
    await containers.resize(params.id, ...sizeOf(query));
    return reply.code(200).send();
  });
}

async function attach(
  { containers }: ContainerApiParts,
  { params, query, apiVersion }: HijackRequest,
  connection: HijackConnection,
): Promise<void> {
  const container = containers.get(params['id'] ?? '');
  const tty = container.config.Tty === true;
  const detachKeys = parseDetachKeys(query['detachKeys']);
  const place = flag(query, 'stream') ? containers.attach(container.id) : undefined;
  const client = connection.accept(streamType(tty, apiVersion));
  connection.signal.addEventListener('abort', () => place?.cancel(), { once: true });
  if (flag(query, 'logs')) await replay(containers, container, query, connection, client);
  const stdio = await place?.stdio.catch(() => undefined);
  if (stdio !== undefined)
    await pump(client, stdio, {
      tty,
      detachKeys,
      stdin: flag(query, 'stdin'),
      stdout: flag(query, 'stdout'),
      stderr: flag(query, 'stderr'),
      closeStdin: container.config.StdinOnce === true,
    });
  client.end();
}

/** What the container wrote until now. */
async function replay(
  containers: ContainerApiParts['containers'],
  container: Container,
  query: Query,
  connection: HijackConnection,
  client: NodeJS.WritableStream,
): Promise<void> {
  const past = { stdout: query['stdout'], stderr: query['stderr'] };
  if (!logQuery(past).stdout && !logQuery(past).stderr) return;
  for await (const line of logLines(containers, container, past, connection.signal))
    if (!client.write(line)) await new Promise((resolve) => client.once('drain', resolve));
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
