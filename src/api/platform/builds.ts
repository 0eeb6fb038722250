import type { FastifyInstance } from 'fastify';
import type { BuildLine, BuildResultLine, VerificationLine } from '#api/types/builds.ts';
import { clientGone, pacedLinesOf, sendJsonLines } from '#api/streams.ts';
import type { Image } from '#domain/image/image.ts';
import { familiarName } from '#domain/image/reference.ts';
import type { BuildRequest, Builds, Uploads, Verification, VertexEvent } from '#engine/contracts.ts';
import { BuildBody, buildRequest, type BuildAsked } from './build-body.ts';

interface Parts {
  builds: Builds;
  uploads: Uploads;
}

/** Resolves when the client has room for more. */
type Write = (line: BuildLine) => Promise<void>;

/** `berth build`: from folders of this machine. No scope opens it. */
export function platformBuildRoutes(app: FastifyInstance, parts: Parts): void {
  app.post<{ Body: BuildAsked }>('/berth/v1/builds', { schema: { body: BuildBody } }, ({ body }, reply) => {
    const signal = clientGone(reply);
    return sendJsonLines(
      reply,
      pacedLinesOf<BuildLine>((write) => answer(parts, body, write, signal), signal),
      {
        eager: true,
      },
    );
  });
}

async function answer(parts: Parts, body: BuildAsked, write: Write, signal: AbortSignal): Promise<void> {
  const request = await buildRequest(
    body,
    (index, piece) => write({ output: { index, data: Buffer.from(piece).toString('base64') } }),
    { onProgress: () => undefined, onVertex: (event) => tell(event, write), signal },
    parts.uploads,
  );
  if (body.mode === 'check') return check(parts.builds, request, write);
  if (body.mode === 'verify') return verify(parts.builds, request, write);
  let manifest: string | undefined;
  const onExported: BuildRequest['onExported'] = ({ target }) => (manifest = target.digest);
  const image = await parts.builds.build({ ...request, onExported });
  return write({ result: resultOf(image, manifest) });
}

async function check(builds: Builds, request: BuildRequest, write: Write): Promise<void> {
  const { file, answer: found } = await builds.check(request);
  for (const { rule, message, description, url, at } of found.warnings)
    await write({
      warning: {
        rule,
        message: `${rule}: ${message} (line ${at.line})`,
        detail: description,
        ...(url !== '' && { url }),
        file: file.name,
        line: at.line,
      },
    });
  const { isError, failure } = found;
  await write({ checked: { isError, ...(failure !== undefined && { failure: failure.message }) } });
}

async function verify(builds: Builds, request: BuildRequest, write: Write): Promise<void> {
  const verification = await builds.verify(request);
  await write({ verification: verificationOf(verification), result: resultOf(verification.image) });
}

function verificationOf({ sourceDateEpoch, second, difference }: Verification): VerificationLine {
  return {
    isReproducible: difference === undefined,
    sourceDateEpoch,
    ...(second !== undefined && { secondId: second.id }),
    ...difference,
  };
}

function resultOf({ id, manifestDigest, tags }: Image, manifest: string = manifestDigest): BuildResultLine {
  return { imageId: id, manifest, tags: tags.map(familiarName) };
}

async function tell(event: VertexEvent, write: Write): Promise<void> {
  if (event.kind === 'vertex') {
    const { digest, name, started, completed, cached, error } = event.vertex;
    await write({
      vertex: {
        ...{ digest, name, cached },
        ...(started !== undefined && { started }),
        ...(completed !== undefined && { completed }),
        ...(error !== undefined && { error }),
      },
    });
  } else if (event.kind === 'log') {
    const text = Buffer.from(event.data).toString('utf8');
    await write({ log: { vertex: event.vertex, stream: event.stream, text } });
  } else if (event.kind === 'warning') {
    const { short, ...warning } = event.warning;
    await write({ warning: { ...warning, message: short } });
  }
}
