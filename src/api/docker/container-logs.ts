import type { Container } from '#domain/container/container.ts';
import type { Containers } from '#engine/contracts.ts';
import { frame } from '#api/docker/stdio.ts';
import { flag, type Query } from '#api/docker/query.ts';
import { isReadable } from '#domain/container/log-limits.ts';
import { logDetails } from '#domain/container/log-details.ts';
import { timeFromClient } from '#domain/event/time.ts';
import { invalid, unsupported } from '#base/errors.ts';

export interface LogRequest {
  stdout: boolean;
  stderr: boolean;
  since?: string;
  until?: string;
  tail?: number;
  follow: boolean;
}

/** Reads the query of `docker logs`. @throws invalid */
export function logQuery(query: Query): LogRequest {
  const request: LogRequest = {
    stdout: flag(query, 'stdout'),
    stderr: flag(query, 'stderr'),
    follow: flag(query, 'follow'),
  };
  const { since, until, tail } = query;
  if (since !== undefined && since !== '' && since !== '0') request.since = timestamp(since);
  if (until !== undefined && until !== '' && until !== '0') request.until = timestamp(until);
  // As Docker: what is no number means everything.
  if (tail !== undefined && /^\d+$/.test(tail)) request.tail = Number(tail);
  return request;
}

function timestamp(text: string): string {
  const time = timeFromClient(text);
  if (time !== undefined) return time;
  throw invalid('time-invalid', `invalid time '${text}'`, { hint: 'write seconds since 1970, or RFC 3339' });
}

export interface LogReading {
  query: Query;
  /** Bytes as the process wrote them, without frames. */
  raw: boolean;
  signal: AbortSignal;
  /** See LogQuery. */
  onOpen?: () => void;
}

/**
 * The container's output as `docker logs` sends it.
 * @throws invalid `log-streams-missing`; unsupported `log-driver-unreadable`
 */
export function logLines(
  containers: Pick<Containers, 'logs'>,
  container: Container,
  reading: LogReading,
): AsyncGenerator<Buffer> {
  const request = logQuery(reading.query);
  if (!request.stdout && !request.stderr)
    throw invalid('log-streams-missing', 'Bad parameters: you must choose at least one stream');
  if (!isReadable(container.hostConfig.LogConfig))
    throw unsupported('log-driver-unreadable', 'configured logging driver does not support reading');
  return encode(containers, container, request, reading);
}

async function* encode(
  containers: Pick<Containers, 'logs'>,
  container: Container,
  request: LogRequest,
  { query, raw, signal, onOpen }: LogReading,
): AsyncGenerator<Buffer> {
  const withTime = flag(query, 'timestamps');
  const details = flag(query, 'details') ? `${logDetails(container)} ` : '';
  for await (const entry of containers.logs(container.id, {
    ...request,
    signal,
    ...(onOpen !== undefined && { onOpen }),
  })) {
    const prefix = `${withTime ? `${entry.time} ` : ''}${details}`;
    const data = prefix === '' ? entry.data : Buffer.concat([Buffer.from(prefix), entry.data]);
    yield raw ? data : frame(entry.stream, data);
  }
}
