import type { ImageQuestion } from '#engine/contracts.ts';
import { unary, type Call, type Methods } from '#base/grpc/server.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import { refOf } from '#api/buildkit/gateway-call.ts';
import * as messages from '#api/buildkit/gateway-messages.ts';
import type { Platform } from '#api/buildkit/messages.ts';
import type { BuildkitParts } from '#api/buildkit/parts.ts';

type Wanted = ValueOf<typeof Platform> | undefined;

/** What the names of sources stand for. */
export function gatewaySources(parts: BuildkitParts, service: string): Methods {
  return {
    [`${service}/ResolveImageConfig`]: unary(
      messages.ResolveImageConfigRequest,
      messages.ResolveImageConfigResponse,
      async ({ ref, platform, mode }, call) => ({
        ref,
        ...(await imageOf(parts, call, question(ref, platform, mode))),
      }),
    ),
    [`${service}/ResolveSourceMeta`]: unary(
      messages.ResolveSourceMetaRequest,
      messages.ResolveSourceMetaResponse,
      async ({ source, platform, mode }, call) => {
        const name = /^docker-image:\/\/(.+)$/s.exec(source?.identifier ?? '')?.[1];
        // Of other sources nothing is known before they are fetched.
        if (source === undefined || name === undefined) return { source };
        const image = await imageOf(parts, call, question(name, platform, mode));
        const identifier = `docker-image://${name.replace(/@.*$/s, '')}@${image.digest}`;
        return { source: { ...source, identifier }, image };
      },
    ),
  };
}

async function imageOf(
  { solves, images }: BuildkitParts,
  call: Call,
  wanted: ImageQuestion,
): Promise<{ digest: string; config: Uint8Array }> {
  const image = await solves.resolve(refOf(call), wanted, call.signal);
  const { digest } = await images.descriptor(image.id);
  return { digest, config: Buffer.from(JSON.stringify(image.config)) };
}

function question(name: string, platform: Wanted, mode: string): ImageQuestion {
  const { os = '', architecture = '', variant = '' } = platform ?? {};
  const parts = [os, architecture, variant].filter((part) => part !== '');
  return { name, platform: architecture === '' ? '' : parts.join('/'), pull: mode === 'pull' };
}
