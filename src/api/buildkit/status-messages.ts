import type { VertexEvent } from '#engine/contracts.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import { buildkitWords } from '#api/buildkit/failure.ts';
import { type StatusResponse, timestamp, type VertexWarning } from '#api/buildkit/messages.ts';

type Response = ValueOf<typeof StatusResponse>;

const level = 1;

/** One thing that a build tells, as BuildKit's clients read it. */
export function statusOf(event: VertexEvent): Partial<Response> {
  if (event.kind === 'vertex') {
    const { digest, inputs, name, cached, started, completed, error = '' } = event.vertex;
    const vertex = {
      ...{ digest, inputs, name, cached, error: buildkitWords(error) },
      ...times({ started, completed }),
    };
    return { vertexes: [vertex] };
  }
  if (event.kind === 'log') {
    const { vertex, stream, time, data } = event;
    return { logs: [{ vertex, stream, timestamp: timestamp(time), text: data }] };
  }
  if (event.kind === 'status') {
    const { id, current, total, time, started, completed } = event.status;
    const status = {
      ...{ id, vertex: event.vertex, name: '', current, total, timestamp: timestamp(time) },
      ...times({ started: started ?? time, completed }),
    };
    return { statuses: [status] };
  }
  const { short, detail, url = '', file, line } = event.warning;
  const position = { line, character: 0 };
  return {
    warnings: [
      {
        ...{ vertex: event.vertex, level, url },
        short: Buffer.from(short),
        detail: detail === undefined ? [] : [Buffer.from(detail)],
        info: { filename: file, data: new Uint8Array(), language: 'Dockerfile' },
        ranges: [{ start: position, end: position }],
      },
    ],
  };
}

/** Of a client, with the place in the file that it is about. */
export function warningOf(warning: ValueOf<typeof VertexWarning>): VertexEvent & { kind: 'warning' } {
  const { vertex, short, detail, url, info, ranges } = warning;
  const words = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
  return {
    kind: 'warning',
    vertex,
    warning: {
      // What a client finds has no rule of ours.
      ...{ rule: '', short: words(short), detail: detail.map(words).join('\n'), url },
      file: info?.filename ?? '',
      line: ranges[0]?.start?.line ?? 0,
    },
  };
}

type Moment = ReturnType<typeof timestamp> | undefined;

function times(given: { started?: number | undefined; completed?: number | undefined }): {
  started: Moment;
  completed: Moment;
} {
  const of = (time: number | undefined): Moment => (time === undefined ? undefined : timestamp(time));
  return { started: of(given.started), completed: of(given.completed) };
}
