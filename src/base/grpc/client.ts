import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { messageOf, unavailable } from '#base/errors.ts';
import { readFrames, writeFrame } from '#base/grpc/frames.ts';
import type { Message } from '#base/grpc/message.ts';
import { failureOf } from '#base/grpc/status.ts';

/**
 * How much a server may send before we have read it, in bytes: 64 KiB, what HTTP/2 begins with, make files of a build's
 * context wait for each other.
 */
const windowSize = 4 * 1024 * 1024;

/** Values of one name are several headers. */
export type Metadata = Readonly<Record<string, string | string[]>>;

/** A call whose both sides may say any number of messages. */
export interface Exchange {
  /** Ends when the server has ended the call well. @throws what the server failed with, as one of our errors */
  readonly answers: AsyncIterable<Uint8Array>;
  /** Resolves when there is room for more. */
  send(message: Uint8Array): Promise<void>;
  /** No more from this side. */
  end(): void;
  /** Idempotent; the server is told. */
  cancel(): void;
}

/** Calls a gRPC server at the other end of a connection, by HTTP/2 with prior knowledge. */
export class GrpcClient {
  readonly #session: ClientHttp2Session;
  readonly #connection: Duplex;
  readonly #closed = new AbortController();

  constructor(connection: Duplex) {
    const session = connect('http://localhost', {
      createConnection: () => connection,
      settings: { initialWindowSize: windowSize },
    });
    this.#session = session;
    this.#connection = connection;
    session.once('connect', () => session.setLocalWindowSize(windowSize));
    session.on('error', () => session.destroy());
    session.once('close', () => this.#gone());
    // A hijacked connection stays open for writing when its other side has closed: HTTP/2 has no use for that.
    for (const event of ['end', 'close']) connection.once(event, () => this.#gone());
  }

  /** Aborts when the connection is gone. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  close(): void {
    this.#gone();
  }

  call(path: string, metadata: Metadata, signal: AbortSignal): Exchange {
    signal.throwIfAborted();
    this.#closed.signal.throwIfAborted();
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...metadata,
    });
    return exchangeOn(stream, AbortSignal.any([signal, this.#closed.signal]));
  }

  async unary<Q, A>(
    path: string,
    [request, answer]: readonly [Message<Q>, Message<A>],
    value: Partial<Q>,
    signal: AbortSignal,
    metadata: Metadata = {},
  ): Promise<A> {
    const exchange = this.call(path, metadata, signal);
    try {
      await exchange.send(request.encode(value));
      exchange.end();
      let found: A | undefined;
      for await (const each of exchange.answers) found = answer.decode(each);
      if (found === undefined) throw unavailable('grpc-failed', `the call ${path} ended without an answer`);
      return found;
    } finally {
      exchange.cancel();
    }
  }

  #gone(): void {
    this.#closed.abort(unavailable('session-gone', 'the other side of the connection is gone'));
    this.#session.destroy();
    this.#connection.destroy();
  }
}

function exchangeOn(stream: ClientHttp2Stream, signal: AbortSignal): Exchange {
  // Not `destroy`, which does not tell the server.
  const cancel = (): void => stream.close(constants.NGHTTP2_CANCEL);
  const seen: IncomingHttpHeaders = {};
  const note = (headers: IncomingHttpHeaders): void => void Object.assign(seen, headers);
  stream.on('response', note).on('trailers', note);
  stream.on('error', () => undefined);
  signal.addEventListener('abort', cancel, { once: true });
  stream.once('close', () => signal.removeEventListener('abort', cancel));
  return {
    answers: answersOf(stream, seen, signal),
    send: (message) => writeFrame(stream, message, signal),
    end: () => {
      stream.end();
    },
    cancel,
  };
}

async function* answersOf(
  stream: ClientHttp2Stream,
  seen: IncomingHttpHeaders,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    const chunks: AsyncIterable<Buffer> = stream;
    yield* readFrames(chunks);
  } catch (error) {
    signal.throwIfAborted();
    if (seen['grpc-status'] === undefined) throw error;
  }
  signal.throwIfAborted();
  const code = Number(seen['grpc-status'] ?? '2');
  if (code !== 0) throw failureOf(code, reasonOf(seen));
}

function reasonOf(seen: IncomingHttpHeaders): string {
  const status = String(seen[':status'] ?? '');
  const text = seen['grpc-message'];
  if (typeof text !== 'string') return `the call was cut off (HTTP status ${status})`;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    return `${text} (${messageOf(error)})`;
  }
}
