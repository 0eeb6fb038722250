import { addAbortSignal, Readable, type Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ContainerApiParts } from '#api/docker/containers.ts';
import type { Hijack, HijackConnection, HijackRequest } from '#api/docker/hijack.ts';
import type { Container } from '#domain/container/container.ts';
import type { Attachment } from '#engine/contracts.ts';
import { parseDetachKeys } from '#api/docker/detach-keys.ts';
import { logLines } from '#api/docker/container-logs.ts';
import { flag, type Query } from '#api/docker/query.ts';
import { pump, streamType } from '#api/docker/stdio.ts';
import { hasProcess } from '#domain/container/state.ts';
import { compareVersions } from '#api/versions.ts';

interface Wanted {
  container: Container;
  detachKeys: Buffer;
  /** Bytes as the process wrote them, without frames. */
  raw: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  stream: boolean;
  logs: boolean;
}

/** Attach by a hijacked connection and by WebSocket. */
export function attachRoutes(hijack: Hijack, parts: ContainerApiParts): void {
  hijack.post('/containers/:id/attach', async ({ params, query, apiVersion }, connection) => {
    const container = parts.containers.get(params['id'] ?? '');
    const raw = container.config.Tty === true;
    const open = (): Duplex => connection.accept(streamType(raw, apiVersion));
    await attach(parts, wantedOf(container, query, raw), connection, open);
  });
  hijack.get('/containers/:id/attach/ws', async (request, connection) => {
    const container = parts.containers.get(request.params['id'] ?? '');
    const wanted = wantedOf(container, withStreams(request), true);
    // As Docker: text, which not all output is, for clients before 1.28.
    const frames = compareVersions(request.apiVersion, '1.28') < 0 ? 'text' : 'binary';
    await attach(parts, wanted, connection, () => connection.acceptWebSocket(frames));
  });
}

/** Before 1.42 a WebSocket had all three streams, whatever its query said. */
function withStreams({ query, apiVersion }: HijackRequest): Query {
  const all = { stdin: '1', stdout: '1', stderr: '1' };
  return compareVersions(apiVersion, '1.42') < 0 ? { ...query, ...all } : query;
}

function wantedOf(container: Container, query: Query, raw: boolean): Wanted {
  return {
    container,
    detachKeys: parseDetachKeys(query['detachKeys']),
    raw,
    stdin: flag(query, 'stdin'),
    stdout: flag(query, 'stdout'),
    stderr: flag(query, 'stderr'),
    stream: flag(query, 'stream'),
    logs: flag(query, 'logs') && (flag(query, 'stdout') || flag(query, 'stderr')),
  };
}

async function attach(
  parts: ContainerApiParts,
  wanted: Wanted,
  connection: HijackConnection,
  open: () => Duplex,
): Promise<void> {
  const { containers } = parts;
  const { id } = wanted.container;
  const past = wanted.logs ? pastOutput(parts, wanted, connection.signal) : undefined;
  const place = wanted.stream ? containers.attach(id) : undefined;
  connection.signal.addEventListener('abort', () => place?.cancel(), { once: true });
  let client: Duplex;
  try {
    client = open();
  } catch (error) {
    place?.cancel();
    throw error;
  }
  const follows = past !== undefined && isFollowed(wanted);
  const left = new AbortController();
  const told = past === undefined ? undefined : copyAll(past, client, left.signal);
  if (!follows) await told;
  if (place !== undefined && (await live(wanted, place, client, follows ? told : undefined)))
    containers.detached(id);
  left.abort();
  client.end(() => place?.cancel());
}

/** Gives whether the client detached by its keys. With `followed` the output comes from the log already. */
async function live(
  wanted: Wanted,
  place: Attachment,
  client: Duplex,
  followed: Promise<void> | undefined,
): Promise<boolean> {
  const stdio = await place.stdio.catch(() => undefined);
  if (stdio === undefined) return false;
  const { container, detachKeys, stdin, stdout, stderr, raw } = wanted;
  return pump(client, stdio, {
    tty: container.config.Tty === true,
    raw,
    detachKeys,
    stdin,
    stdout: stdout && followed === undefined,
    stderr: stderr && followed === undefined,
    closeStdin: container.config.StdinOnce === true,
    ...(followed !== undefined && { complete: followed }),
  });
}

function isFollowed({ container, stream }: Wanted): boolean {
  return stream && hasProcess(container);
}

/**
 * The past of a container that runs comes from its log, and so does what follows: between two sources there would be
 * a seam where something is lost or comes twice. One that does not run has a past that ends now.
 * @throws unsupported `log-driver-unreadable`
 */
function pastOutput(
  { containers, now }: ContainerApiParts,
  wanted: Wanted,
  signal: AbortSignal,
): AsyncIterable<Buffer> {
  const { container, stdout, stderr, raw } = wanted;
  const query: Query = {
    ...(stdout && { stdout: '1' }),
    ...(stderr && { stderr: '1' }),
    ...(isFollowed(wanted) && { follow: '1' }),
    ...(!hasProcess(container) && { until: (now() / 1000).toFixed(3) }),
  };
  return logLines(containers, container, { query, raw, signal });
}

/** All of `output` to the client, at its pace, until the client is gone or has left. */
async function copyAll(output: AsyncIterable<Buffer>, client: Duplex, left: AbortSignal): Promise<void> {
  const from = addAbortSignal(left, Readable.from(output, { objectMode: false }));
  client.once('close', () => from.destroy());
  from.pipe(client, { end: false });
  await finished(from).catch(() => undefined);
}
