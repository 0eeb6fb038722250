import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { invalid } from '#base/errors.ts';

/** A message's compression flag and length go before it (grpc/doc/PROTOCOL-HTTP2.md, Length-Prefixed-Message). */
const headLength = 5;

/** The longest message that is read, in bytes; that of grpc-go, which BuildKit raises to this. */
export const longestMessage = 16 * 1024 * 1024;

/**
 * The messages of a call. Each is a view on what was received and holds until the next is asked for.
 * @throws invalid `grpc-malformed`
 */
export async function* readFrames(
  chunks: AsyncIterable<Buffer>,
  longest = longestMessage,
): AsyncGenerator<Buffer> {
  let kept: Buffer[] = [];
  let size = 0;
  let needed = headLength;
  for await (const chunk of chunks) {
    kept.push(chunk);
    size += chunk.length;
    if (size < needed) continue;
    let rest = kept.length === 1 ? chunk : Buffer.concat(kept);
    for (;;) {
      const length = lengthOf(rest, longest);
      needed = length === undefined ? headLength : headLength + length;
      if (length === undefined || rest.length < needed) break;
      yield rest.subarray(headLength, needed);
      rest = rest.subarray(needed);
    }
    kept = rest.length === 0 ? [] : [rest];
    size = rest.length;
  }
  if (size > 0) throw invalid('grpc-malformed', 'read a gRPC call: it ended within a message');
}

function lengthOf(data: Buffer, longest: number): number | undefined {
  if (data.length < headLength) return undefined;
  if (data[0] !== 0) throw invalid('grpc-malformed', 'read a gRPC call: a message is compressed');
  const length = data.readUInt32BE(1);
  if (length > longest)
    throw invalid(
      'grpc-malformed',
      `read a gRPC call: a message has ${length} bytes, more than the ${longest} allowed`,
    );
  return length;
}

/** Resolves when there is room for more. @throws when the stream closes or the signal aborts while waiting */
export async function writeFrame(stream: Writable, message: Uint8Array, signal: AbortSignal): Promise<void> {
  const head = Buffer.alloc(headLength);
  head.writeUInt32BE(message.length, 1);
  signal.throwIfAborted();
  stream.write(head);
  if (!stream.write(message)) await once(stream, 'drain', { signal });
}
