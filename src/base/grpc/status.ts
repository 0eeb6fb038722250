import { BerthError, type ErrorKind } from '#base/errors.ts';

/** The codes of gRPC (grpc/doc/statuscodes.md) that we give or look at. */
export const grpcCodes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

const kinds = [
  ['invalid', grpcCodes.invalidArgument],
  ['unauthorized', grpcCodes.unauthenticated],
  ['forbidden', grpcCodes.permissionDenied],
  ['not-found', grpcCodes.notFound],
  ['conflict', grpcCodes.failedPrecondition],
  ['unchanged', grpcCodes.alreadyExists],
  ['unsupported', grpcCodes.unimplemented],
  ['unavailable', grpcCodes.unavailable],
  ['internal', grpcCodes.internal],
] as const satisfies (readonly [ErrorKind, number])[];

/** How a call failed, beyond a kind and a message. */
export class GrpcError extends Error {
  readonly code: number;
  /** An encoded google.rpc.Status, which says more to who knows its details. */
  readonly status: Uint8Array | undefined;

  constructor(code: number, message: string, status?: Uint8Array) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export function codeOf(error: unknown): number {
  if (error instanceof GrpcError) return error.code;
  if (!(error instanceof BerthError)) return grpcCodes.unknown;
  return kinds.find(([kind]) => kind === error.kind)?.[1] ?? grpcCodes.unknown;
}

/** What the other side answered, as an error of ours. */
export function failureOf(code: number, message: string): BerthError {
  const kind = kinds.find((each) => each[1] === code)?.[0] ?? 'unavailable';
  return new BerthError(kind, 'grpc-failed', message);
}
