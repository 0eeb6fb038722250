import { PassThrough } from 'node:stream';
import { notFound } from '#base/errors.ts';
import type { Container } from '#domain/container/container.ts';
import type { AppLogLine } from './events.ts';
import { containersOf } from './observe.ts';
import type { AppParts } from './parts.ts';
import type { LogsRequest } from './requests.ts';

/**
 * The lines of an app's containers: in order of time, or, when following, as they come.
 * @throws not-found `app-missing`, `app-service-missing`
 */
export async function* readLogs(
  parts: AppParts,
  app: string,
  request: LogsRequest,
): AsyncGenerator<AppLogLine> {
  const all = containersOf(parts, app);
  const chosen = all.filter(
    (one) => request.service === undefined || one.identity?.service === request.service,
  );
  if (all.length === 0) throw notFound('app-missing', `there is no app '${app}' with containers`);
  if (chosen.length === 0)
    throw notFound(
      'app-service-missing',
      `the app ${app} has no containers of a service '${request.service ?? ''}'`,
    );
  const streams = chosen.map((container) => linesOf(parts, container, request));
  yield* request.follow ? asTheyCome(streams) : byTime(streams);
}

async function* linesOf(
  parts: AppParts,
  container: Container,
  request: LogsRequest,
): AsyncGenerator<AppLogLine> {
  const query = {
    stdout: true,
    stderr: true,
    follow: request.follow,
    signal: request.signal,
    ...(request.tail === undefined ? {} : { tail: request.tail }),
    ...(request.since === undefined ? {} : { since: request.since }),
  };
  const of = {
    service: container.identity?.service ?? '',
    replica: container.identity?.replica ?? 0,
    container: container.name,
  };
  for await (const { stream, time, data } of parts.containers.logs(container.id, query))
    yield { ...of, stream, time, line: data.toString().replace(/\r?\n$/, '') };
}

/** Merges streams that are each in order of time, holding one line of each. */
async function* byTime(streams: AsyncGenerator<AppLogLine>[]): AsyncGenerator<AppLogLine> {
  const heads: { stream: AsyncGenerator<AppLogLine>; line: AppLogLine }[] = [];
  const advance = async (stream: AsyncGenerator<AppLogLine>): Promise<void> => {
    const next = await stream.next();
    if (next.done !== true) heads.push({ stream, line: next.value });
  };
  for (const stream of streams) await advance(stream);
  for (;;) {
    heads.sort((a, b) => (a.line.time < b.line.time ? -1 : 1));
    const first = heads.shift();
    if (first === undefined) return;
    yield first.line;
    await advance(first.stream);
  }
}

async function* asTheyCome(streams: AsyncGenerator<AppLogLine>[]): AsyncGenerator<AppLogLine> {
  // The stream's buffer holds back a container that writes faster than the client reads.
  const queue = new PassThrough({ objectMode: true });
  const pump = async (stream: AsyncGenerator<AppLogLine>): Promise<void> => {
    for await (const line of stream) {
      if (queue.destroyed) return;
      if (!queue.write(line))
        await new Promise((resolve) => queue.once('drain', resolve).once('close', resolve));
    }
  };
  const done = Promise.all(streams.map(pump)).finally(() => queue.end());
  done.catch(() => undefined);
  try {
    const lines: AsyncIterable<AppLogLine> = queue;
    yield* lines;
    await done;
  } finally {
    queue.destroy();
  }
}
