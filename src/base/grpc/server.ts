import {
  performServerHandshake,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { messageOf } from '#base/errors.ts';
import { readFrames, writeFrame } from '#base/grpc/frames.ts';
import type { Message } from '#base/grpc/message.ts';
import { codeOf, GrpcError, grpcCodes } from '#base/grpc/status.ts';

export interface Call {
  metadata: IncomingHttpHeaders;
  /** Aborts when the caller has cancelled, or is gone. */
  signal: AbortSignal;
}

/** Requests come and answers go as bytes: `unary` and `answering` make one of messages. */
export type Method = (requests: AsyncIterable<Uint8Array>, call: Call) => AsyncIterable<Uint8Array>;

/** By path: `/grpc.health.v1.Health/Check`. */
export type Methods = Readonly<Record<string, Method>>;

/** One request, one answer. */
export function unary<Q, A>(
  request: Message<Q>,
  answer: Message<A>,
  serve: (request: Q, call: Call) => Promise<Partial<A>>,
): Method {
  return async function* (requests, call) {
    yield answer.encode(await serve(await only(requests, request), call));
  };
}

/** One request, any number of answers. */
export function answering<Q, A>(
  request: Message<Q>,
  answer: Message<A>,
  serve: (request: Q, call: Call) => AsyncIterable<Partial<A>>,
): Method {
  return async function* (requests, call) {
    for await (const each of serve(await only(requests, request), call)) yield answer.encode(each);
  };
}

async function only<Q>(requests: AsyncIterable<Uint8Array>, type: Message<Q>): Promise<Q> {
  for await (const request of requests) return type.decode(request);
  throw new GrpcError(grpcCodes.invalidArgument, 'a gRPC call has no request');
}

/**
 * Serves gRPC on a connection whose other side is a client of HTTP/2 with prior knowledge. Resolves when the connection
 * is closed and every call has ended; garbage closes it.
 */
export async function serveGrpc(connection: Duplex, methods: Methods): Promise<void> {
  const session = performServerHandshake(connection, { maxSessionInvalidFrames: 1 });
  const calls = new Set<Promise<void>>();
  const closed = Promise.withResolvers<void>();
  session.on('error', () => session.destroy());
  session.on('stream', (stream: ServerHttp2Stream, metadata: IncomingHttpHeaders) => {
    const call = serveCall(stream, metadata, methods).finally(() => calls.delete(call));
    calls.add(call);
  });
  // A hijacked connection stays open for writing when its other side has closed: HTTP/2 has no use for that.
  for (const event of ['end', 'close']) connection.once(event, () => close(session, closed.resolve));
  session.once('close', () => close(session, closed.resolve));
  await closed.promise;
  connection.destroy();
  await Promise.all(calls);
}

function close(session: ServerHttp2Session, closed: () => void): void {
  session.destroy();
  closed();
}

async function serveCall(
  stream: ServerHttp2Stream,
  metadata: IncomingHttpHeaders,
  methods: Methods,
): Promise<void> {
  const gone = new AbortController();
  stream.on('error', () => undefined);
  stream.once('close', () => gone.abort(new GrpcError(grpcCodes.cancelled, 'context canceled')));
  try {
    const path = metadata[':path'] ?? '';
    const method = Object.hasOwn(methods, path) ? methods[path] : undefined;
    if (method === undefined) throw new GrpcError(grpcCodes.unimplemented, unknownMethod(path));
    // A method that reads no further has still to answer.
    const chunks: AsyncIterable<Buffer> = {
      [Symbol.asyncIterator]: () => stream.iterator({ destroyOnReturn: false }),
    };
    for await (const answer of method(readFrames(chunks), { metadata, signal: gone.signal })) {
      if (!stream.headersSent) begin(stream);
      await writeFrame(stream, answer, gone.signal);
    }
    end(stream, { 'grpc-status': '0' });
  } catch (error) {
    end(stream, trailersOf(error));
  }
}

function unknownMethod(path: string): string {
  const [, service = '', method = ''] = path.split('/');
  return `unknown method ${method} for service ${service}`;
}

function begin(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
}

function end(stream: ServerHttp2Stream, trailers: Record<string, string>): void {
  if (stream.destroyed || stream.closed) return;
  if (!stream.headersSent) begin(stream);
  stream.once('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end();
  // What the caller still sends is not wanted.
  stream.resume();
}

function trailersOf(error: unknown): Record<string, string> {
  const status = error instanceof GrpcError ? error.status : undefined;
  return {
    'grpc-status': String(codeOf(error)),
    'grpc-message': percentEncoded(messageOf(error)),
    ...(status !== undefined && { 'grpc-status-details-bin': Buffer.from(status).toString('base64') }),
  };
}

/** grpc/doc/PROTOCOL-HTTP2.md, Percent-Encoded. */
function percentEncoded(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}
