import type { Readable } from 'node:stream';
import type { Descriptor } from '#domain/image/manifest.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { SessionBlobs } from '#ports/build-sessions.ts';
import { derivedStream } from '#base/derived-stream.ts';
import { isKind } from '#base/errors.ts';
import type { GrpcClient } from '#base/grpc/client.ts';
import { bytes, integer, message, text } from '#base/grpc/message.ts';

// containerd's content service (containerd api/services/content/v1/content.proto), which clients serve for caches in
// folders and for OCI layouts.

const service = '/containerd.services.content.v1.Content';
const storeHeader = 'buildkit-attachable-store-id';

export const ReadRequest = message({ digest: text(1), offset: integer(2), size: integer(3) });
export const ReadResponse = message({ offset: integer(1), data: bytes(2) });
const actions = { stat: 0, write: 1, commit: 2 } as const;
const WriteRequest = message({
  action: integer(1),
  ref: text(2),
  total: integer(3),
  expected: text(4),
  offset: integer(5),
  data: bytes(6),
});
const WriteResponse = message({ action: integer(1), offset: integer(4), digest: text(6) });

export class ContentBlobs implements SessionBlobs {
  readonly #client: GrpcClient;

  constructor(client: GrpcClient) {
    this.#client = client;
  }

  async read(store: string, digest: Digest, signal: AbortSignal): Promise<Readable | undefined> {
    const exchange = this.#client.call(`${service}/Read`, { [storeHeader]: store }, signal);
    try {
      await exchange.send(ReadRequest.encode({ digest }));
      exchange.end();
      const answers = exchange.answers[Symbol.asyncIterator]();
      const first = await answers.next();
      return derivedStream({ destroy: () => exchange.cancel() }, chunksOf(first, answers));
    } catch (error) {
      exchange.cancel();
      if (isKind(error, 'not-found')) return undefined;
      throw error;
    }
  }

  async write(store: string, descriptor: Descriptor, content: Readable, signal: AbortSignal): Promise<void> {
    const exchange = this.#client.call(`${service}/Write`, { [storeHeader]: store }, signal);
    const { digest, size } = descriptor;
    const whole = { ref: `berth-${digest}`, total: size, expected: digest };
    const answers = exchange.answers[Symbol.asyncIterator]();
    const say = async (request: Parameters<typeof WriteRequest.encode>[0]): Promise<number> => {
      await exchange.send(WriteRequest.encode(request));
      const answer = await answers.next();
      return answer.done === true ? 0 : WriteResponse.decode(answer.value).offset;
    };
    try {
      let offset = await say({ action: actions.stat, ...whole });
      let seen = 0;
      const chunks: AsyncIterable<Buffer> = content;
      for await (const chunk of chunks) {
        const begin = Math.min(chunk.length, Math.max(0, offset - seen));
        seen += chunk.length;
        if (begin < chunk.length)
          offset = await say({ action: actions.write, offset, data: chunk.subarray(begin) });
      }
      await say({ action: actions.commit, offset, ...whole });
    } catch (error) {
      // Already there.
      if (!isKind(error, 'unchanged')) throw error;
    } finally {
      content.destroy();
      exchange.cancel();
    }
  }
}

async function* chunksOf(
  first: IteratorResult<Uint8Array>,
  answers: AsyncIterator<Uint8Array>,
): AsyncGenerator<Buffer> {
  for (let next = first; next.done !== true; next = await answers.next())
    yield Buffer.from(ReadResponse.decode(next.value).data);
}
