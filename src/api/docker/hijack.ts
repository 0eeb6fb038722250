import { ServerResponse, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { createWebSocketStream, WebSocketServer, type WebSocket } from 'ws';
import { apiPath } from '#api/versions.ts';
import { invalid } from '#base/errors.ts';

// Docker's attach, exec and session endpoints turn their HTTP connection into a raw two-way stream
// (Docker Engine API, ContainerAttach, "Hijacking"). Both kinds of client are served: those that ask
// for it with Upgrade headers (101) and those that do not (200, the body is the raw stream).

export interface HijackRequest {
  params: Record<string, string>;
  query: Record<string, string | undefined>;
  /** The JSON body; undefined when there is none. */
  body: unknown;
  headers: IncomingHttpHeaders;
  apiVersion: string;
}

export interface HijackConnection {
  /** Aborts when the client is gone altogether. */
  readonly signal: AbortSignal;
  /**
   * Answers 101 or 200 and gives the raw stream. Its readable side ends when the client closes its
   * writing end (half close); ending its writable side closes ours. To be called at most once; a handler
   * that returns without it answers 200 with an empty body.
   */
  accept(contentType: string): Duplex;
  /**
   * Instead of `accept`: answers as a WebSocket whose messages are the stream. The client's close ends the readable side.
   * @throws invalid `websocket-required` when the client did not ask for one
   */
  acceptWebSocket(frames: 'text' | 'binary'): Duplex;
}

/** An error thrown before `accept` becomes a JSON error response; one thrown afterwards cuts the stream. */
export type HijackHandler = (request: HijackRequest, connection: HijackConnection) => Promise<void>;

export class Hijack {
  readonly #app: FastifyInstance;
  readonly #paths: RegExp[] = [];
  readonly #open = new Set<Duplex>();
  /** What is left of the connections of requests with Upgrade headers. */
  readonly #upgrades = new WeakMap<IncomingMessage, Duplex>();

  constructor(app: FastifyInstance) {
    this.#app = app;
    app.server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) =>
      this.#upgraded(request, stream, head),
    );
  }

  post(path: string, handler: HijackHandler): void {
    this.#route('POST', path, handler);
  }

  get(path: string, handler: HijackHandler): void {
    this.#route('GET', path, handler);
  }

  /** Whether a request with Upgrade headers is for one of these routes; all others ignore the headers. */
  takes(url: string): boolean {
    const path = apiPath(url).split('?')[0] ?? '';
    return this.#paths.some((pattern) => pattern.test(path));
  }

  /** Cuts every stream that is still open: the server stops. */
  closeAll(): void {
    for (const stream of this.#open) stream.destroy();
  }

  #route(method: 'GET' | 'POST', path: string, handler: HijackHandler): void {
    this.#paths.push(new RegExp(`^${path.replaceAll(/:[a-zA-Z]+/g, '[^/]+')}$`));
    this.#app.route<{ Params: Record<string, string>; Querystring: Record<string, string | undefined> }>({
      method,
      url: path,
      exposeHeadRoute: false,
      handler: async (request, reply) => {
        const upgraded = this.#upgrades.get(request.raw);
        const connection = new Connection({ request, reply, upgraded }, (stream) => this.#track(stream));
        const { params, query, body, headers, apiVersion } = request;
        try {
          await handler(
            { params, query, body: isStream(body) ? undefined : body, headers, apiVersion },
            connection,
          );
        } catch (error) {
          if (connection.stream === undefined) throw error;
          request.log.warn({ err: error }, 'a hijacked stream failed');
          connection.stream.destroy();
        }
        if (connection.stream === undefined) await reply.code(200).send();
      },
    });
  }

  #track(stream: Duplex): void {
    this.#open.add(stream);
    stream.once('close', () => this.#open.delete(stream));
  }

  // The request still goes the way of all others (hooks, errors), so its answer gets the socket. `stream` is that
  // same socket, or, while the body is still to come, a stream of what follows the body.
  #upgraded(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const { socket } = request;
    stream.on('error', () => stream.destroy());
    if (head.length > 0) stream.unshift(head);
    this.#upgrades.set(request, stream);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.destroySoon());
    this.#app.routing(request, response);
  }
}

interface Exchange {
  request: FastifyRequest;
  reply: FastifyReply;
  /** Of a request with Upgrade headers: its raw stream. */
  upgraded: Duplex | undefined;
}

class Connection implements HijackConnection {
  readonly #exchange: Exchange;
  readonly #opened: (stream: Duplex) => void;
  readonly #gone = new AbortController();
  stream: Duplex | undefined;

  constructor(exchange: Exchange, opened: (stream: Duplex) => void) {
    this.#exchange = exchange;
    this.#opened = opened;
    exchange.request.raw.socket.once('close', () => this.#gone.abort());
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  accept(contentType: string): Duplex {
    const { request, reply, upgraded } = this.#exchange;
    const { socket } = request.raw;
    reply.hijack();
    reply.raw.detachSocket(socket);
    if (upgraded === undefined) takeFromParser(socket);
    else request.raw.resume();
    socket.setNoDelay(true);
    socket.setTimeout(0);
    socket.on('error', () => socket.destroy());
    const stream = upgraded ?? socket;
    stream.write(head(contentType, upgraded === undefined ? undefined : request.headers.upgrade));
    this.#opened(stream);
    this.stream = stream;
    return stream;
  }

  acceptWebSocket(frames: 'text' | 'binary'): Duplex {
    const { request, reply, upgraded } = this.#exchange;
    if (upgraded === undefined || !asksForWebSocket(request.headers))
      throw invalid('websocket-required', 'bad request: the request is no handshake of a WebSocket');
    reply.hijack();
    reply.raw.detachSocket(request.raw.socket);
    const stream = openWebSocket(request.raw, upgraded, frames);
    this.#opened(stream);
    this.stream = stream;
    return stream;
  }
}

type BufferLike = Parameters<WebSocket['send']>[0];

/** The longest message that a client may send, in bytes. */
const maxPayload = 1024 * 1024;

function openWebSocket(request: IncomingMessage, stream: Duplex, frames: 'text' | 'binary'): Duplex {
  const server = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload });
  const opened: Duplex[] = [];
  server.handleUpgrade(request, stream, Buffer.alloc(0), (socket) => {
    const send = socket.send.bind(socket);
    const sendText = (data: BufferLike, sent: (error?: Error) => void): void =>
      send(data, { binary: false }, sent);
    if (frames === 'text') Object.assign(socket, { send: sendText });
    opened.push(createWebSocketStream(socket));
  });
  const [duplex] = opened;
  if (duplex === undefined) throw invalid('websocket-refused', 'the handshake of the WebSocket is malformed');
  duplex.on('error', () => duplex.destroy());
  return duplex;
}

/** What RFC 6455, section 4.2.1 requires of a handshake. */
function asksForWebSocket(headers: IncomingHttpHeaders): boolean {
  const { upgrade = '', 'sec-websocket-key': key = '', 'sec-websocket-version': version } = headers;
  return upgrade.toLowerCase() === 'websocket' && /^[+/0-9A-Za-z]{22}==$/.test(key) && version === '13';
}

function head(contentType: string, protocol: string | undefined): string {
  if (protocol === undefined) return `HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\n\r\n`;
  return `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
}

// Without Upgrade headers Node keeps its parser on the socket: what the client sends now is the process's
// input, not the next request, and its half close must not close our side. A listener for 'readable' makes
// the parser let go of the handle, and its removal leaves the stream neither flowing nor paused.
function takeFromParser(socket: Socket): void {
  for (const event of ['data', 'end', 'drain']) socket.removeAllListeners(event);
  const nothing = (): void => undefined;
  socket.on('readable', nothing);
  socket.removeListener('readable', nothing);
}

function isStream(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'pipe' in body;
}
