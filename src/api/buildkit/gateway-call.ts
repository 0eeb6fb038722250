import type { SolveRequest } from '#engine/contracts.ts';
import type { Call } from '#base/grpc/server.ts';
import { GrpcError, grpcCodes } from '#base/grpc/status.ts';

/** The solve that a call of the gateway is about. @throws with gRPC's code for a wrong argument */
export function refOf({ metadata }: Pick<Call, 'metadata'>): SolveRequest['ref'] {
  const ref = metadata['buildkit-controlapi-buildid'];
  if (typeof ref === 'string' && ref !== '') return ref;
  throw new GrpcError(grpcCodes.invalidArgument, 'no buildid found in context');
}
