import { bytes, flag, integer, map, message, part, parts, text } from '#base/grpc/message.ts';
import { Choice, Definition, Platform, SourceOp, Status, WorkerRecord } from '#api/buildkit/messages.ts';

// moby/buildkit: frontend/gateway/pb/gateway.proto, util/apicaps/pb/caps.proto.

const Ref = message({ id: text(1), definition: part(2, Definition) });
const DeprecatedRefMap = message({ refs: map(1, text(2)) });
const RefMap = message({ refs: map(1, part(2, Ref)) });
export const Result = message({
  refDeprecated: text(1),
  refsDeprecated: part(2, DeprecatedRefMap),
  ref: part(3, Ref),
  refs: part(4, RefMap),
  metadata: map(10, bytes(2)),
});

export const ReturnRequest = message({ result: part(1, Result), error: part(2, Status) });

export const SolveRequest = message({
  definition: part(1, Definition),
  frontend: text(2),
  attributes: map(3, text(2)),
  final: flag(10),
  cacheImports: parts(12, Choice),
  inputs: map(13, part(2, Definition)),
  evaluate: flag(14),
});
export const SolveResponse = message({ ref: text(1), result: part(3, Result) });

export const InputsResponse = message({ definitions: map(1, part(2, Definition)) });

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

const ImageMeta = message({ digest: text(1), config: bytes(2) });
export const ResolveSourceMetaRequest = message({
  source: part(1, SourceOp),
  platform: part(2, Platform),
  mode: text(4),
});
export const ResolveSourceMetaResponse = message({ source: part(1, SourceOp), image: part(2, ImageMeta) });

/** tonistiigi/fsutil types/stat.proto. */
export const Stat = message({
  path: text(1),
  /** Bits of Go's os.FileMode. */
  mode: integer(2),
  uid: integer(3),
  gid: integer(4),
  size: integer(5),
  /** Nanoseconds since 1970. */
  modTime: integer(6),
  linkname: text(7),
});
const FileRange = message({ offset: integer(1), length: integer(2) });
export const ReadFileRequest = message({ ref: text(1), path: text(2), range: part(3, FileRange) });
export const ReadFileResponse = message({ data: bytes(1) });
export const ReadDirRequest = message({ ref: text(1), path: text(2), pattern: text(3) });
export const ReadDirResponse = message({ entries: parts(1, Stat) });
export const StatFileRequest = message({ ref: text(1), path: text(2) });
export const StatFileResponse = message({ stat: part(1, Stat) });
