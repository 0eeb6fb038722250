import type { ResultFile } from '#engine/contracts.ts';
import { unary, type Methods } from '#base/grpc/server.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import { solveFailure } from '#api/buildkit/failure.ts';
import { refOf } from '#api/buildkit/gateway-call.ts';
import * as messages from '#api/buildkit/gateway-messages.ts';
import type { BuildkitParts } from '#api/buildkit/parts.ts';

/** Looks into results of solves; they are built for it where they are not yet. */
export function gatewayFiles({ solves, resultFiles }: BuildkitParts, service: string): Methods {
  return {
    [`${service}/ReadFile`]: unary(
      messages.ReadFileRequest,
      messages.ReadFileResponse,
      async ({ ref, path, range }, call) => {
        const image = await solves.image(refOf(call), ref, call.signal).catch(rethrow);
        return { data: await resultFiles.read(image, path, range ?? { offset: 0, length: 0 }) };
      },
    ),
    [`${service}/StatFile`]: unary(
      messages.StatFileRequest,
      messages.StatFileResponse,
      async ({ ref, path }, call) => {
        const image = await solves.image(refOf(call), ref, call.signal).catch(rethrow);
        return { stat: statOf(await resultFiles.stat(image, path)) };
      },
    ),
    [`${service}/ReadDir`]: unary(
      messages.ReadDirRequest,
      messages.ReadDirResponse,
      async ({ ref, path, pattern }, call) => {
        const image = await solves.image(refOf(call), ref, call.signal).catch(rethrow);
        return { entries: (await resultFiles.list(image, path, pattern)).map(statOf) };
      },
    ),
  };
}

/** What a build fails with, in BuildKit's words. */
function rethrow(error: unknown): never {
  throw solveFailure(error);
}

function statOf({ name, size, mode, mtime, linkTarget }: ResultFile): ValueOf<typeof messages.Stat> {
  return messages.Stat.of({ path: name, mode, size, modTime: Date.parse(mtime) * 1e6, linkname: linkTarget });
}
