import { DockerfileError, type ErrorPlace } from '#domain/dockerfile/source.ts';
import { StepFailure } from '#engine/builds/failures.ts';
import { BerthError, messageOf } from '#base/errors.ts';
import { codeOf, GrpcError, grpcCodes } from '#base/grpc/status.ts';
import { Status } from '#api/buildkit/messages.ts';

/** BuildKit's errdefs.Source: clients show the lines of the file above the error. */
const sourceType = 'github.com/moby/buildkit/errdefs.Source+json';

/** BuildKit's words, and apart from them the place in the Dockerfile. */
export function solveFailure(error: unknown): Error {
  if (error instanceof StepFailure)
    return failureAt(error.place, buildkitWords(error.place?.words ?? error.message));
  if (error instanceof DockerfileError)
    return failureAt(error.place, withHint(error.place.words, error.hint));
  // As of those with a place, BuildKit's code: clients show others in front of the message.
  if (error instanceof BerthError && error.kind === 'invalid')
    return new GrpcError(grpcCodes.unknown, withHint(error.message, error.hint));
  if (error instanceof BerthError && error.hint !== undefined)
    return new GrpcError(codeOf(error), withHint(error.message, error.hint));
  if (error instanceof Error && error.name === 'AbortError')
    return new GrpcError(grpcCodes.cancelled, 'context canceled');
  return error instanceof Error ? error : new Error(messageOf(error));
}

function withHint(words: string, hint: string | undefined): string {
  return hint === undefined || words.includes(hint) ? words : `${words}\nhint: ${hint}`;
}

/** The code is BuildKit's for whatever is wrong with a build: clients show others in front of the message. */
function failureAt(place: ErrorPlace | undefined, message: string): GrpcError {
  const code = grpcCodes.unknown;
  if (place === undefined) return new GrpcError(code, message);
  const { name, lines } = place.source;
  const { line } = place.at;
  const source = {
    info: { filename: name, language: 'Dockerfile', data: Buffer.from(lines.join('\n')).toString('base64') },
    ranges: [{ start: { line }, end: { line } }],
  };
  const detail = { type: sourceType, value: Buffer.from(JSON.stringify(source)) };
  return new GrpcError(code, message, Status.encode({ code, message, details: [detail] }));
}

/** Of a command that failed. */
export function buildkitWords(text: string): string {
  return text.replace(
    /^The command '([^]*?)' returned a non-zero code: (\d+)/,
    'process "$1" did not complete successfully: exit code: $2',
  );
}
