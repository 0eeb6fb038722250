import type { Duplex } from 'node:stream';
import { messageOf, unavailable } from '#base/errors.ts';
import { framed, MessageReader } from '#base/grpc/frames.ts';
import type { Message } from '#base/grpc/message.ts';
import { failureOf } from '#base/grpc/status.ts';
import { Http2Connection } from '#base/http2/connection.ts';
import type { Header } from '#base/http2/hpack.ts';
import type { Http2Stream, StreamListener } from '#base/http2/stream.ts';

/** HTTP/2's error code for what nobody wants any more. */
const cancelled = 8;

/** Values of one name are several headers. */
export type Metadata = Readonly<Record<string, string | string[]>>;

/** A call whose both sides may say any number of messages. */
export interface Exchange {
  /** Ends when the server has ended the call well. @throws what the server failed with, as one of our errors */
  readonly answers: AsyncIterable<Uint8Array>;
  /** The same, as many at once as have come; either is to be read. */
  readonly batches: AsyncIterable<readonly Buffer[]>;
  /** Resolves when there is room for more. */
  send(...messages: Uint8Array[]): Promise<void>;
  /** No more from this side. */
  end(): void;
  /** Idempotent; the server is told. */
  cancel(): void;
}

/** Calls a gRPC server at the other end of a connection, by HTTP/2 with prior knowledge. */
export class GrpcClient {
  readonly #connection: Http2Connection;
  readonly #closed = new AbortController();

  constructor(connection: Duplex) {
    this.#connection = new Http2Connection(connection, (error) => this.#closed.abort(error));
  }

  /** Aborts when the connection is gone. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  close(): void {
    this.#connection.close();
  }

  call(path: string, metadata: Metadata, signal: AbortSignal): Exchange {
    signal.throwIfAborted();
    const call = new Call(AbortSignal.any([signal, this.#closed.signal]));
    call.begin(this.#connection.open(headersOf(path, metadata), call));
    return call;
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
}

function headersOf(path: string, metadata: Metadata): Header[] {
  const more = Object.entries(metadata).flatMap(([name, values]) =>
    [values].flat().map((value): Header => [name, value]),
  );
  return [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...more,
  ];
}

class Call implements Exchange, StreamListener {
  readonly #signal: AbortSignal;
  readonly #reader = new MessageReader();
  readonly #seen = new Map<string, string>();
  #stream: Http2Stream | undefined;
  #messages: Buffer[] = [];
  /** Bytes of what came and was not asked for. */
  #unread = 0;
  #isOver = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  begin(stream: Http2Stream): void {
    this.#stream = stream;
    this.#signal.addEventListener('abort', this.#abort, { once: true });
  }

  get batches(): AsyncIterable<readonly Buffer[]> {
    return this.#batches();
  }

  get answers(): AsyncIterable<Uint8Array> {
    return this.#answers();
  }

  async send(...messages: Uint8Array[]): Promise<void> {
    this.#signal.throwIfAborted();
    await this.#stream?.write(framed(messages));
    this.#signal.throwIfAborted();
  }

  end(): void {
    this.#stream?.end();
  }

  cancel(): void {
    this.#stream?.reset(cancelled);
    this.#over();
  }

  headers(headers: Header[]): void {
    for (const [name, value] of headers) this.#seen.set(name, value);
  }

  data(content: Buffer): void {
    this.#unread += content.length;
    try {
      this.#reader.push(content, this.#messages);
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
      this.cancel();
    }
    this.#wake?.();
  }

  ended(): void {
    this.#over();
  }

  failed(error: Error): void {
    this.#failure ??= error;
    this.#over();
  }

  readonly #abort = (): void => this.cancel();

  #over(): void {
    this.#isOver = true;
    this.#signal.removeEventListener('abort', this.#abort);
    this.#wake?.();
  }

  async *#answers(): AsyncGenerator<Uint8Array> {
    for await (const batch of this.#batches()) yield* batch;
  }

  async *#batches(): AsyncGenerator<readonly Buffer[]> {
    for (;;) {
      this.#signal.throwIfAborted();
      const messages = this.#messages;
      this.#messages = [];
      // Parts of a message count as read: without the rest nothing would ask for it.
      this.#stream?.consumed(this.#unread);
      this.#unread = 0;
      if (messages.length > 0) yield messages;
      else if (this.#isOver) break;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    this.#finish();
  }

  /** @throws what the call failed with */
  #finish(): void {
    const status = this.#seen.get('grpc-status');
    if (this.#failure !== undefined && status === undefined) throw this.#failure;
    const code = Number(status ?? '2');
    if (code !== 0) throw failureOf(code, reasonOf(this.#seen));
    this.#reader.end();
  }
}

function reasonOf(seen: ReadonlyMap<string, string>): string {
  const text = seen.get('grpc-message');
  if (text === undefined) return `the call was cut off (HTTP status ${seen.get(':status') ?? ''})`;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    return `${text} (${messageOf(error)})`;
  }
}
