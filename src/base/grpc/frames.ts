import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { invalid } from '#base/errors.ts';

/** A message's compression flag and length go before it (grpc/doc/PROTOCOL-HTTP2.md, Length-Prefixed-Message). */
const headLength = 5;

/** The longest message that is read, in bytes; that of grpc-go, which BuildKit raises to this. */
export const longestMessage = 16 * 1024 * 1024;

/** A message that comes in more pieces than this is copied together as it comes: a view of each would take more than its bytes. */
const mostPieces = 64;

/** Cuts what comes of a call into its messages. Each is a view on what came, where it came in one piece. */
export class MessageReader {
  #kept: Buffer[] = [];
  #size = 0;
  #needed = headLength;
  /** A message that comes in many pieces, with its head, as far as it came (`#size`). */
  #whole: Buffer | undefined;

  /** The messages that are whole now, put behind `messages`. @throws invalid `grpc-malformed` */
  push(chunk: Buffer, messages: Buffer[]): void {
    const left = this.#whole === undefined ? chunk : this.#gather(this.#whole, chunk, messages);
    if (left.length > 0) this.#cut(left, messages);
  }

  #gather(whole: Buffer, chunk: Buffer, messages: Buffer[]): Buffer {
    const part = chunk.subarray(0, whole.length - this.#size);
    whole.set(part, this.#size);
    this.#size += part.length;
    if (this.#size < whole.length) return chunk.subarray(part.length);
    messages.push(whole.subarray(headLength));
    this.#whole = undefined;
    this.#size = 0;
    this.#needed = headLength;
    return chunk.subarray(part.length);
  }

  #cut(chunk: Buffer, messages: Buffer[]): void {
    this.#kept.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#needed) {
      if (this.#kept.length > mostPieces) this.#beginWhole();
      return;
    }
    const data = this.#kept.length === 1 ? chunk : Buffer.concat(this.#kept);
    let at = 0;
    for (;;) {
      const length = lengthOf(data, at);
      this.#needed = length === undefined ? headLength : headLength + length;
      if (length === undefined || data.length - at < this.#needed) break;
      messages.push(data.subarray(at + headLength, at + this.#needed));
      at += this.#needed;
    }
    const rest = data.subarray(at);
    this.#kept = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
  }

  #beginWhole(): void {
    this.#whole = Buffer.allocUnsafeSlow(this.#needed);
    let at = 0;
    for (const piece of this.#kept) {
      this.#whole.set(piece, at);
      at += piece.length;
    }
    this.#kept = [];
  }

  /** @throws invalid `grpc-malformed` within a message */
  end(): void {
    if (this.#size > 0) throw invalid('grpc-malformed', 'read a gRPC call: it ended within a message');
  }
}

/**
 * The messages of a call. Each is a view on what was received and holds until the next is asked for.
 * @throws invalid `grpc-malformed`
 */
export async function* readFrames(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const reader = new MessageReader();
  for await (const chunk of chunks) {
    const messages: Buffer[] = [];
    reader.push(chunk, messages);
    yield* messages;
  }
  reader.end();
}

function lengthOf(data: Buffer, at: number): number | undefined {
  if (data.length - at < headLength) return undefined;
  if (data[at] !== 0) throw invalid('grpc-malformed', 'read a gRPC call: a message is compressed');
  const length = data.readUInt32BE(at + 1);
  if (length > longestMessage)
    throw invalid(
      'grpc-malformed',
      `read a gRPC call: a message has ${length} bytes, more than the ${longestMessage} allowed`,
    );
  return length;
}

/** Resolves when there is room for more. @throws when the stream closes or the signal aborts while waiting */
export async function writeFrame(stream: Writable, message: Uint8Array, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (!stream.write(framed([message]))) await once(stream, 'drain', { signal });
}

/** Messages as they stand in a call. */
export function framed(messages: readonly Uint8Array[]): Buffer {
  const whole = Buffer.allocUnsafe(messages.reduce((sum, { length }) => sum + headLength + length, 0));
  let at = 0;
  for (const message of messages) {
    whole.writeUInt8(0, at);
    whole.writeUInt32BE(message.length, at + 1);
    whole.set(message, at + headLength);
    at += headLength + message.length;
  }
  return whole;
}
