import { StepFailure } from '#engine/builds/failures.ts';
import { BerthError, messageOf } from '#base/errors.ts';
import { codeOf, GrpcError, grpcCodes } from '#base/grpc/status.ts';

/** BuildKit's words for a command that failed, with what Berth shows of the Dockerfile below them. */
export function solveFailure(error: unknown): Error {
  if (error instanceof StepFailure) {
    return new GrpcError(grpcCodes.unknown, buildkitWords(error.message));
  }
  if (error instanceof BerthError && error.hint !== undefined && !error.message.includes(error.hint))
    return new GrpcError(codeOf(error), `${error.message}\nhint: ${error.hint}`);
  if (error instanceof Error && error.name === 'AbortError')
    return new GrpcError(grpcCodes.cancelled, 'context canceled');
  return error instanceof Error ? error : new Error(messageOf(error));
}

/** Of a command that failed. */
export function buildkitWords(text: string): string {
  return text.replace(
    /^The command '([^]*?)' returned a non-zero code: (\d+)/,
    'process "$1" did not complete successfully: exit code: $2',
  );
}
