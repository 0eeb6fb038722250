import type { Container, Endpoint } from '#domain/container/container.ts';
import type { ContainerConfig, HostConfig } from '#domain/container/config.ts';
import type { NamespaceSource } from '#domain/container/spec-input.ts';
import { completeHostConfig } from '#domain/container/host-config.ts';
import { newState } from '#domain/container/state.ts';
import { hasLinks } from '#domain/network/endpoint.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
import { red, say, sayRunning, type Sink } from '#engine/builds/output.ts';
import type { StepMounts } from '#engine/builds/step-mounts.ts';
import type { StepExits } from '#engine/builds/step-exits.ts';
import { etcTexts } from '#engine/containers/etc-files.ts';
import { specify } from '#engine/containers/specifying.ts';
import { Undo } from '#engine/containers/undo.ts';
import { shortId } from '#base/ids.ts';
import type { Readable } from 'node:stream';

const mountPoints = ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/proc', '/sys', '/dev', '/etc'];
const SIGKILL = 9;

export interface StepRequest {
  /** Names the container and all that it holds. */
  id: string;
  /** Absolute path of the mounted root. */
  root: string;
  command: string[];
  config: ContainerConfig;
  /** NetworkMode, ExtraHosts and limits. */
  hostConfig: HostConfig;
  mounts: StepMounts;
  /** Absent: the beginning of the id. */
  hostname?: string;
  sink: Sink;
  /** Takes what the command writes, as it comes; 1 is stdout, 2 is stderr. */
  log: (stream: 1 | 2, data: Uint8Array) => Promise<void>;
  signal: AbortSignal;
}

/** Runs the command in a real container and gives its exit code; nothing of the container is left. */
export async function runStep(parts: BuildParts, exits: StepExits, request: StepRequest): Promise<number> {
  const undo = new Undo(parts.report);
  await sayRunning(request.sink, request.id);
  try {
    return await runContainer(parts, exits, request, undo);
  } finally {
    await undo.run();
  }
}

async function runContainer(
  parts: BuildParts,
  exits: StepExits,
  request: StepRequest,
  undo: Undo,
): Promise<number> {
  const { runtime, files } = parts;
  const { id, root, signal, mounts } = request;
  await keepMountPoints(parts, root, mounts, undo);
  const joined = await joinNetwork(parts, draft(parts, request), undo);
  undo.add(() => files.remove(id));
  await files.write(id, await etcTexts(parts, joined.container, () => undefined));
  const { sources, granted } = mounts;
  const found = { rootPath: root, sandbox: joined.sandbox, files: files.paths(id), sources, granted };
  const spec = await specify(parts, joined.container, found, () => undefined);
  signal.throwIfAborted();
  undo.add(() => runtime.delete(id));
  const exit = exits.expect(id);
  undo.add(() => exits.forget(id));
  await runtime.create({ id, spec, tty: false, stdin: false, stdinOnce: false, log: false });
  const stdio = await runtime.attach(id);
  undo.add(() => stdio.close());
  const output = Promise.all([pour(stdio.stdout, 1, request, plain), pour(stdio.stderr, 2, request, red)]);
  await runtime.start(id);
  // A step that ended by itself meanwhile takes no signal, and needs none.
  const kill = (): void => void runtime.signal(id, SIGKILL).catch(() => undefined);
  signal.addEventListener('abort', kill, { once: true });
  try {
    if (signal.aborted) kill();
    const [code] = await Promise.all([exit, output]);
    signal.throwIfAborted();
    return code;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

// The runtime makes what it mounts upon; those that the image does not have must not get into the layer.
async function keepMountPoints(
  { trees }: BuildParts,
  root: string,
  { points, granted }: StepMounts,
  undo: Undo,
): Promise<void> {
  const targets = [...points, ...granted].flatMap(({ destination }) => withParents(destination));
  // The shallowest comes first: what is undone last.
  for (const path of new Set([...mountPoints.toReversed(), ...targets]))
    if ((await trees.stat({ root, path })) === undefined) undo.add(() => trees.removeEmpty({ root, path }));
}

/** `/a/b`: `/a` and `/a/b`. */
function withParents(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

function draft(
  { clock, host, runtime }: BuildParts,
  { id, command, config, hostConfig, mounts, hostname }: StepRequest,
): Container {
  const [path = '', ...args] = command;
  return {
    id,
    name: `build-${shortId(id)}`,
    created: clock.timestamp(),
    imageId: '',
    imageName: '',
    platform: 'linux',
    config: { ...config, Hostname: hostname ?? shortId(id), Entrypoint: null, Cmd: command },
    hostConfig: completeHostConfig(hostConfig, {
      cgroupVersion: host.facts.cgroupVersion,
      runtime: runtime.name,
    }),
    path,
    args,
    mounts: mounts.points,
    endpoints: [],
    ports: [],
    state: newState(),
  };
}

async function joinNetwork(
  { networks }: BuildParts,
  container: Container,
  undo: Undo,
): Promise<{ container: Container; sandbox: NamespaceSource }> {
  const network = networks.get(container.hostConfig.NetworkMode ?? 'bridge');
  const who = { id: container.id, name: container.name, hostname: container.config.Hostname ?? '' };
  const endpoint = networks.endpoint(who, network, {}, 0);
  if (network.driver === 'host')
    return { container: { ...container, endpoints: [endpoint] }, sandbox: 'host' };
  const endpoints: Endpoint[] = [];
  undo.add(() => networks.removeSandbox({ ...container, endpoints }));
  const path = await networks.createSandbox(container.id);
  if (hasLinks(network)) endpoints.push(await networks.attach(container, endpoint, true));
  return { container: { ...container, endpoints }, sandbox: { path } };
}

const plain = (text: string): string => text;

async function pour(
  stream: Readable,
  number: 1 | 2,
  { sink, log }: StepRequest,
  style: (text: string) => string,
): Promise<void> {
  const decoder = new TextDecoder();
  const chunks: AsyncIterable<unknown> = stream;
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) continue;
    await log(number, chunk);
    const text = decoder.decode(chunk, { stream: true });
    if (text !== '') await say(sink, style(text));
  }
  const rest = decoder.decode();
  if (rest !== '') await say(sink, style(rest));
}
