import { Duplex, type Readable } from 'node:stream';
import { derivedStream } from '#base/derived-stream.ts';
import type { Exchange } from '#base/grpc/client.ts';
import { BytesMessage } from './messages.ts';

/** The longest message that we send, in bytes: grpc-go takes 4 MiB unless told otherwise. */
const mostInMessage = 1024 * 1024;

/** What the other side of a call of BytesMessages says. */
export function readableOf(exchange: Exchange): Readable {
  return derivedStream({ destroy: () => exchange.cancel() }, bytesOf(exchange));
}

/** Sends everything and waits until the other side has ended the call. @throws what it failed with */
export async function sendBytes(exchange: Exchange, content: Readable): Promise<void> {
  try {
    const chunks: AsyncIterable<Buffer> = content;
    for await (const chunk of chunks) await sendChunk(exchange, chunk);
    exchange.end();
    await drained(exchange.answers[Symbol.asyncIterator]());
  } finally {
    content.destroy();
    exchange.cancel();
  }
}

async function drained(answers: AsyncIterator<Uint8Array>): Promise<void> {
  while ((await answers.next()).done !== true);
}

/** A two-way call of BytesMessages as a connection. */
export function duplexOf(exchange: Exchange): Duplex {
  const answers = bytesOf(exchange);
  return new Duplex({
    read() {
      answers.next().then(
        ({ value, done }) => this.push(done === true ? null : value),
        (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    },
    write(chunk: Buffer, _encoding, done) {
      sendChunk(exchange, chunk).then(() => done(), done);
    },
    final(done) {
      exchange.end();
      done();
    },
    destroy(error, done) {
      exchange.cancel();
      done(error);
    },
  });
}

async function* bytesOf(exchange: Exchange): AsyncGenerator<Buffer> {
  for await (const answer of exchange.answers) {
    const { data } = BytesMessage.decode(answer);
    if (data.length > 0) yield Buffer.from(data);
  }
}

async function sendChunk(exchange: Exchange, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length; at += mostInMessage)
    await exchange.send(BytesMessage.encode({ data: chunk.subarray(at, at + mostInMessage) }));
}
