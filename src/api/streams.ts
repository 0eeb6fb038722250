import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorResponse } from '#api/errors.ts';

/** Aborts when the client goes away before the response is complete. */
export function clientGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new Error('the client closed the connection'));
  });
  return gone.signal;
}

/**
 * The archive that a request carries. What its reader leaves is read on and thrown away: a connection that is
 * cut while the client still sends would hide the answer from it.
 */
export function uploadOf({ body, raw }: FastifyRequest): Readable {
  const source = body instanceof Readable ? body : raw;
  const upload = new PassThrough();
  source.once('error', (error) => upload.destroy(error));
  source.once('close', () => {
    if (!source.readableEnded) upload.destroy(new Error('the client closed the connection'));
  });
  upload.once('close', () => {
    source.unpipe(upload);
    source.resume();
  });
  return source.pipe(upload);
}

/**
 * Answers with one JSON object a line (or its text, ready made), as events and progress have it. The status is decided by the first
 * line: an error before it is an ordinary error response, one after it the stream's last line, as Docker's
 * JSONMessage has it. With `eager` the headers are sent at once, for streams that may stay silent.
 */
export async function sendJsonLines(
  reply: FastifyReply,
  lines: AsyncIterable<object | string>,
  options: { eager?: boolean } = {},
): Promise<FastifyReply> {
  const iterator = lines[Symbol.asyncIterator]();
  const first = options.eager === true ? undefined : await iterator.next();
  const body = Readable.from(encode(iterator, first), { objectMode: false });
  reply.type('application/json');
  if (options.eager === true) {
    reply.raw.writeHead(200, toHeaders(reply));
    reply.raw.flushHeaders();
    reply.hijack();
    body.on('error', () => reply.raw.destroy());
    reply.raw.once('close', () => body.destroy());
    body.pipe(reply.raw);
    return reply;
  }
  return reply.send(body);
}

function toHeaders(reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
}

async function* encode(
  iterator: AsyncIterator<object | string>,
  first: IteratorResult<object | string> | undefined,
): AsyncGenerator<string> {
  try {
    for (let next = first ?? (await iterator.next()); next.done !== true; next = await iterator.next())
      yield `${typeof next.value === 'string' ? next.value : JSON.stringify(next.value)}\r\n`;
  } catch (error) {
    const { message } = errorResponse(error).body;
    yield `${JSON.stringify({ errorDetail: { message }, error: message })}\r\n`;
  } finally {
    await iterator.return?.();
  }
}

/** As `linesOf`, at the client's pace: `write` resolves when it has room for more. */
export async function* pacedLinesOf<T extends object>(
  work: (write: (line: T) => Promise<void>) => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const queue = new PassThrough({ objectMode: true });
  const done = work(async (line) => {
    if (!queue.write(line)) await once(queue, 'drain', { signal });
  }).finally(() => queue.end());
  // Awaited below; until then a failure must not count as unhandled.
  done.catch(() => undefined);
  const lines: AsyncIterable<T> = queue;
  yield* lines;
  await done;
}

/** Turns calls of `write` into lines for `sendJsonLines`; an exception of `work` comes after all that it wrote. */
export async function* linesOf<T extends object>(
  work: (write: (line: T) => void) => Promise<void>,
): AsyncGenerator<T> {
  const queue = new PassThrough({ objectMode: true });
  const done = work((line) => void queue.write(line)).finally(() => queue.end());
  // Awaited below; until then a failure must not count as unhandled.
  done.catch(() => undefined);
  const lines: AsyncIterable<T> = queue;
  yield* lines;
  await done;
}
