import { bytes, flag, map, message, part, parts, text } from '#base/grpc/message.ts';
import { Choice, Platform, Status, WorkerRecord } from '#api/buildkit/messages.ts';

// moby/buildkit: frontend/gateway/pb/gateway.proto, util/apicaps/pb/caps.proto.

const Ref = message({ id: text(1) });
const RefMap = message({ refs: map(1, text(2)) });
const Result = message({
  refDeprecated: text(1),
  refsDeprecated: part(2, RefMap),
  ref: part(3, Ref),
  metadata: map(10, bytes(2)),
});

export const ReturnRequest = message({ result: part(1, Result), error: part(2, Status) });

export const SolveRequest = message({
  /** LLB, only to see whether there is any. */
  definition: bytes(1),
  frontend: text(2),
  attributes: map(3, text(2)),
  final: flag(10),
  cacheImports: parts(12, Choice),
  inputs: map(13, bytes(2)),
  evaluate: flag(14),
});
export const SolveResponse = message({ ref: text(1), result: part(3, Result) });

const Capability = message({ id: text(1), enabled: flag(2) });
export const PongResponse = message({
  frontend: parts(1, Capability),
  llb: parts(2, Capability),
  workers: parts(3, WorkerRecord),
});

export const EvaluateRequest = message({ ref: text(1) });

export const ResolveImageConfigRequest = message({
  ref: text(1),
  platform: part(2, Platform),
  mode: text(3),
});
export const ResolveImageConfigResponse = message({ digest: text(1), config: bytes(2), ref: text(3) });
