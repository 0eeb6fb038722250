import { request, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { BytesMessage, Packet, packetTypes, Stat } from '#adapters/buildkit/messages.ts';
import { bytes } from '#adapters/files/byte-path.ts';
import * as messages from '#api/buildkit/messages.ts';
import { compileGlob, isGlob } from '#domain/build/glob.ts';
import { newId } from '#base/ids.ts';
import { GrpcClient } from '#base/grpc/client.ts';
import type { Message, ValueOf } from '#base/grpc/message.ts';
import { serveGrpc, type Methods } from '#base/grpc/server.ts';

// A client of BuildKit's protocol as `docker buildx build` is one, on our own wire code: machines of tests have no buildx.
// What it sends is what buildx 0.26 was seen to send; `npm run test:clients` has the real one.

/** A folder's files by path; parents are made. */
export type Files = Readonly<Record<string, string | { link: string } | Partial<ValueOf<typeof Stat>>>>;

const directory = 2 ** 31;
const symlink = 2 ** 27;

/** Serves folders as FileSync does. @param sent gets the path of each file whose bytes were asked for */
export function fileSync(folders: Readonly<Record<string, Files>>, sent: string[] = []): Methods {
  return {
    '/moby.filesync.v1.FileSync/DiffCopy': async function* (requests, { metadata }) {
      const header = (name: string): string[] =>
        [metadata[name] ?? []].flat().flatMap((all) => all.split(', '));
      const follow = header('followpaths');
      const exclude = header('exclude-patterns');
      const isBelow = (path: string, folder: string): boolean =>
        path === folder ||
        path.startsWith(`${folder}/`) ||
        (isGlob(folder) && compileGlob(folder, { deep: false }).test(path));
      const files = Object.entries(folders[header('dir-name')[0] ?? ''] ?? {}).filter(
        ([path]) =>
          (follow.length === 0 || follow.some((each) => isBelow(path, each))) &&
          !exclude.some((each) => isBelow(path, each)),
      );
      const stats = statsOf(Object.fromEntries(files));
      for (const [stat] of stats) yield Packet.encode({ type: packetTypes.stat, stat: onWire(stat) });
      yield Packet.encode({ type: packetTypes.stat });
      for await (const bytes of requests) {
        const packet = Packet.decode(bytes);
        if (packet.type === packetTypes.end) {
          yield Packet.encode({ type: packetTypes.end });
          return;
        }
        if (packet.type !== packetTypes.request) continue;
        const [stat, text] = stats[packet.id] ?? [undefined, ''];
        sent.push(stat?.path ?? '');
        const data = Buffer.from(text);
        if (data.length > 0) yield Packet.encode({ type: packetTypes.data, id: packet.id, data });
        yield Packet.encode({ type: packetTypes.data, id: packet.id });
      }
    },
  };
}

/** Names as byte strings. */
function onWire(stat: ValueOf<typeof Stat>): ValueOf<typeof Stat> {
  return { ...stat, path: bytes(stat.path), linkname: bytes(stat.linkname) };
}

function statsOf(files: Files): [ValueOf<typeof Stat>, string][] {
  const found = new Map<string, [ValueOf<typeof Stat>, string]>();
  for (const [path, file] of Object.entries(files)) {
    path.split('/').forEach((_, i, parts) => {
      const parent = parts.slice(0, i).join('/');
      if (parent !== '') found.set(parent, [Stat.of({ path: parent, mode: directory + 0o755 }), '']);
    });
    if (typeof file === 'string') {
      const modTime = 1_700_000_000_000_000_000 + file.length;
      found.set(path, [Stat.of({ path, mode: 0o644, size: file.length, modTime }), file]);
    } else if ('link' in file)
      found.set(path, [Stat.of({ path, mode: symlink + 0o777, linkname: file.link }), '']);
    else found.set(path, [Stat.of({ path, mode: 0o644, ...file }), '']);
  }
  return [...found.entries()].sort(([a], [b]) => (order(a) < order(b) ? -1 : 1)).map(([, each]) => each);
}

/** fsutil's order: by the parts of the path. */
function order(path: string): string {
  return path.replaceAll('/', '\0');
}

/** Takes what exporters send as one stream. */
export function fileSend(received: Buffer[]): Methods {
  return {
    '/moby.filesync.v1.FileSend/DiffCopy': async function* (requests) {
      yield* [];
      for await (const bytes of requests) received.push(Buffer.from(BytesMessage.decode(bytes).data));
    },
  };
}

/** POST with Upgrade: h2c, as docker's clients hijack connections. */
export function upgrade(
  socketPath: string,
  path: string,
  headers: Record<string, string | string[]> = {},
): Promise<Duplex> {
  const asked = request({
    socketPath,
    path,
    method: 'POST',
    headers: { Connection: 'Upgrade', Upgrade: 'h2c', ...headers },
  });
  asked.end();
  return new Promise((resolve, reject) => {
    asked.once('error', reject);
    asked.once('response', ({ statusCode = 0 }: IncomingMessage) =>
      reject(new Error(`POST ${path} was answered with ${statusCode}`)),
    );
    asked.once('upgrade', (_response: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
  });
}

export class BuildkitClient implements AsyncDisposable {
  readonly session = newId().slice(0, 25);
  readonly grpc: GrpcClient;
  readonly #connection: Duplex;
  readonly #served: Promise<void>;

  private constructor(grpc: GrpcClient, connection: Duplex, served: Promise<void>) {
    this.grpc = grpc;
    this.#connection = connection;
    this.#served = served;
  }

  /** Opens both connections to an engine; `methods` is what the session offers. */
  static async open(socketPath: string, methods: Methods, sharedKey = ''): Promise<BuildkitClient> {
    const id = newId().slice(0, 25);
    const connection = await upgrade(socketPath, '/session', {
      'X-Docker-Expose-Session-Uuid': id,
      'X-Docker-Expose-Session-Sharedkey': sharedKey,
      'X-Docker-Expose-Session-Grpc-Method': Object.keys(methods),
    });
    const served = serveGrpc(connection, methods);
    const grpc = new GrpcClient(await upgrade(socketPath, '/grpc'));
    return Object.assign(new BuildkitClient(grpc, connection, served), { session: id });
  }

  solve(
    request: Partial<ValueOf<typeof messages.SolveRequest>>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Record<string, string>> {
    const whole = { ref: newId().slice(0, 25), session: this.session, frontend: 'dockerfile.v0', ...request };
    return this.control('Solve', [messages.SolveRequest, messages.SolveResponse], whole, signal).then(
      ({ exporterResponse }) => exporterResponse,
    );
  }

  control<Q, A>(
    method: string,
    types: readonly [Message<Q>, Message<A>],
    request: Partial<Q>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<A> {
    return this.grpc.unary(`/moby.buildkit.v1.Control/${method}`, types, request, signal);
  }

  /** Asks the gateway of a solve, as a client does that is the frontend itself. */
  gateway<Q, A>(
    ref: string,
    method: string,
    types: readonly [Message<Q>, Message<A>],
    request: Partial<Q>,
  ): Promise<A> {
    const path = `/moby.buildkit.v1.frontend.LLBBridge/${method}`;
    const { signal } = new AbortController();
    return this.grpc.unary(path, types, request, signal, { 'buildkit-controlapi-buildid': ref });
  }

  /** All answers of a call that has several. */
  async listed<Q, A>(
    method: string,
    [request, answer]: readonly [Message<Q>, Message<A>],
    value: Partial<Q>,
  ): Promise<A[]> {
    const found: A[] = [];
    for await (const each of this.#answers(method, [request, answer], value)) found.push(each);
    return found;
  }

  /** What the build tells, until it has ended. */
  status(ref: string): Promise<ValueOf<typeof messages.StatusResponse>[]> {
    return this.listed('Status', [messages.StatusRequest, messages.StatusResponse], { ref });
  }

  /** Resolves when a step of the build writes this. */
  async saying(ref: string, text: string): Promise<void> {
    const answers = this.#answers('Status', [messages.StatusRequest, messages.StatusResponse], { ref });
    for await (const { logs } of answers)
      if (logs.some((log) => Buffer.from(log.text).toString() === text)) return;
    throw new Error(`the build ended before it said '${text}'`);
  }

  async *#answers<Q, A>(
    method: string,
    [request, answer]: readonly [Message<Q>, Message<A>],
    value: Partial<Q>,
  ): AsyncGenerator<A> {
    const exchange = this.grpc.call(`/moby.buildkit.v1.Control/${method}`, {}, new AbortController().signal);
    try {
      await exchange.send(request.encode(value));
      exchange.end();
      for await (const bytes of exchange.answers) yield answer.decode(bytes);
    } finally {
      exchange.cancel();
    }
  }

  /** Cuts the session, as a client does that is killed. */
  vanish(): void {
    this.#connection.destroy();
    this.grpc.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.vanish();
    await this.#served;
  }
}
