import { answering, unary, type Methods } from '#base/grpc/server.ts';
import { integer, map, message, part, bytes, text } from '#base/grpc/message.ts';
import type { RecordBlobs } from '#api/buildkit/record-blobs.ts';
import { notFound } from '#base/errors.ts';

// containerd's content service (api/services/content/v1/content.proto), as far as clients read what records of the history name.

const service = '/containerd.services.content.v1.Content';

const InfoRequest = message({ digest: text(1) });
const Info = message({ digest: text(1), size: integer(2), labels: map(5, text(2)) });
const InfoResponse = message({ info: part(1, Info) });
const ReadRequest = message({ digest: text(1), offset: integer(2), size: integer(3) });
const ReadResponse = message({ offset: integer(1), data: bytes(2) });

/** The longest piece of an answer, in bytes. */
const longest = 1024 * 1024;

export function contentService(blobs: RecordBlobs): Methods {
  const contentOf = async (digest: string): Promise<Uint8Array> => {
    const content = await blobs.read(digest);
    if (content === undefined) throw notFound('content-missing', `content ${digest}: not found`);
    return content;
  };
  return {
    [`${service}/Info`]: unary(InfoRequest, InfoResponse, async ({ digest }) => {
      const { length: size } = await contentOf(digest);
      return { info: { digest, size, labels: {} } };
    }),
    [`${service}/Read`]: answering(ReadRequest, ReadResponse, async function* ({ digest, offset, size }) {
      const content = await contentOf(digest);
      const end = size === 0 ? content.length : Math.min(content.length, offset + size);
      for (let at = offset; at < end; at += longest)
        yield { offset: at, data: content.subarray(at, Math.min(end, at + longest)) };
    }),
  };
}
