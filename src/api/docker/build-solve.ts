import type { Readable } from 'node:stream';
import type { ReadQuery } from '#api/docker/build-query.ts';
import { solveFailure } from '#api/buildkit/failure.ts';
import { StatusResponse } from '#api/buildkit/messages.ts';
import { statusOf } from '#api/buildkit/status-messages.ts';
import { frontendAttributes } from '#domain/build/arguments.ts';
import type { Choice, SolveRequest, Solves, Uploads } from '#engine/contracts.ts';
import { invalid } from '#base/errors.ts';
import { newId } from '#base/ids.ts';

// `POST /build?version=2`: BuildKit for clients that have no buildx (moby's builder/builder-next/builder.go). What the build
// tells comes as lines with BuildKit's own messages.

/** One line; `aux` is a message in base64, or the id of the image. A quiet build gives the id alone, as a `stream`. */
export type TraceLine =
  | { id: 'moby.buildkit.trace'; aux: string }
  | { id: 'moby.image.id'; aux: { ID: string } }
  | { stream: string };

/** How much of a quiet build is kept, in lines, for the case that it fails. */
const keptLines = 1000;

const uploadMark = 'upload-request';

/** The id of the build whose context a request brings, and nothing else. */
export function uploadFor({ settings: { id = '' } }: ReadQuery): string | undefined {
  return id.startsWith(`${uploadMark}:`) ? id.slice(uploadMark.length + 1) : undefined;
}

/**
 * The solve that a request asks for.
 * @param body the context that the request itself carries
 * @throws invalid `network-mode-invalid`
 */
export async function solveRequest(
  read: ReadQuery,
  body: () => Readable,
  uploads: Uploads,
  signal: AbortSignal,
): Promise<SolveRequest> {
  const { settings, remote = '', session = '', outputs } = read;
  const { id, networkMode, resources, tags } = settings;
  const request: SolveRequest = {
    ref: newId().slice(0, 25),
    ...{ session, frontend: 'dockerfile.v0', internal: false, inputs: {} },
    attributes: attributesOf(read),
    exporters:
      outputs === undefined
        ? [imageNamed({ type: 'moby', attributes: {} }, tags)]
        : outputs.flatMap((output) => exporterOf(output, tags)),
    ...{ cacheFrom: [], cacheTo: [] },
    entitlements: networkMode === 'host' ? ['network.host'] : [],
    ...(id !== undefined && { id }),
    ...(resources !== undefined && { resources }),
  };
  if (remote === uploadMark) return { ...request, archive: await uploads.take(id ?? '', signal) };
  return remote === '' ? { ...request, archive: body() } : request;
}

function exporterOf(output: Choice, tags: readonly string[]): Choice[] {
  if (output.type === 'cacheonly') return [];
  return [['moby', 'image'].includes(output.type) ? imageNamed(output, tags) : output];
}

function imageNamed({ type, attributes }: Choice, tags: readonly string[]): Choice {
  return { type, attributes: { ...attributes, ...(tags.length > 0 && { name: tags.join(',') }) } };
}

/** As the Dockerfile frontend has its options; those that are empty are not said. */
function attributesOf({ settings, remote = '', cacheFrom }: ReadQuery): Record<string, string> {
  const { dockerfile = '', target = '', platform = '', networkMode = '', extraHosts = [] } = settings;
  if (!['', 'default', 'host', 'none'].includes(networkMode))
    throw invalid('network-mode-invalid', `network mode "${networkMode}" not supported by buildkit`);
  const texts = {
    target,
    platform,
    filename: dockerfile === '.' ? '' : dockerfile,
    'force-network-mode': networkMode === 'default' ? '' : networkMode,
    'add-hosts': extraHosts.map((each) => each.replace(':', '=')).join(','),
    'cache-from': cacheFrom.join(','),
    context: ['client-session', uploadMark].includes(remote) ? '' : remote,
  };
  return {
    ...frontendAttributes(settings),
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== '')),
    ...(settings.noCache === true && { 'no-cache': '' }),
    ...(settings.pull === true && { 'image-resolve-mode': 'pull' }),
  };
}

export interface Teller {
  write: (line: TraceLine) => Promise<void>;
  quiet: boolean;
}

/** Runs it, and tells all that it tells, or if quiet only what it made. @throws in BuildKit's words */
export async function solveTraced(
  solves: Solves,
  request: SolveRequest,
  { write, quiet }: Teller,
  signal: AbortSignal,
): Promise<void> {
  const kept: TraceLine[] = [];
  const keep = (line: TraceLine): void => {
    kept.push(line);
    if (kept.length > keptLines) kept.shift();
  };
  const solved = solves.solve(request, signal);
  // Awaited below; until then a failure must not count as unhandled.
  solved.catch(() => undefined);
  for await (const event of solves.follow(request.ref, signal)) {
    const message = StatusResponse.encode(statusOf(event));
    const line: TraceLine = { id: 'moby.buildkit.trace', aux: Buffer.from(message).toString('base64') };
    if (quiet) keep(line);
    else await write(line);
  }
  try {
    const { 'containerimage.config.digest': ID } = await solved;
    if (ID !== undefined && request.exporters.some(({ type }) => ['moby', 'image'].includes(type)))
      await write(quiet ? { stream: `${ID}\n` } : { id: 'moby.image.id', aux: { ID } });
  } catch (error) {
    for (const line of kept) await write(line);
    throw solveFailure(error);
  }
}
