import {
  bytes,
  byteStrings,
  flag,
  integer,
  map,
  message,
  part,
  parts,
  text,
  texts,
} from '#base/grpc/message.ts';

// moby/buildkit: api/services/control/control.proto, api/types/worker.proto, solver/pb/ops.proto; what no client reads
// is left out.

const Timestamp = message({ seconds: integer(1), nanos: integer(2) });

/** google.protobuf.Any */
const Any = message({ type: text(1), value: bytes(2) });

/** google.rpc.Status; its details are for machines. */
export const Status = message({ code: integer(1), message: text(2), details: parts(3, Any) });

export const Nothing = message({});

export const Choice = message({ type: text(1), attributes: map(2, text(2)) });

export const SourceOp = message({ identifier: text(1), attributes: map(2, text(2)) });

/** A graph of the client (LLB): its vertices, encoded, and by their digests what is said of them. */
export const Definition = message({ def: byteStrings(1), metadata: map(2, part(2, Nothing)) });

const CacheOptions = message({ exports: parts(4, Choice), imports: parts(5, Choice) });

export const SolveRequest = message({
  ref: text(1),
  definition: part(2, Definition),
  exporterDeprecated: text(3),
  exporterAttributesDeprecated: map(4, text(2)),
  session: text(5),
  frontend: text(6),
  attributes: map(7, text(2)),
  cache: part(8, CacheOptions),
  entitlements: texts(9),
  inputs: map(10, part(2, Definition)),
  internal: flag(11),
  /** A policy of sources (`moby.buildkit.v1.sourcepolicy.Policy`), and the session that is to be asked about each source. */
  sourcePolicy: bytes(12),
  exporters: parts(13, Choice),
  sourcePolicySession: text(15),
});
export const SolveResponse = message({ exporterResponse: map(1, text(2)) });

/** What a connection within a call carries. */
export const BytesMessage = message({ data: bytes(1) });

export const StatusRequest = message({ ref: text(1) });

const Vertex = message({
  digest: text(1),
  inputs: texts(2),
  name: text(3),
  cached: flag(4),
  started: part(5, Timestamp),
  completed: part(6, Timestamp),
  error: text(7),
});
const VertexStatus = message({
  id: text(1),
  vertex: text(2),
  name: text(3),
  current: integer(4),
  total: integer(5),
  timestamp: part(6, Timestamp),
  started: part(7, Timestamp),
  completed: part(8, Timestamp),
});
const VertexLog = message({
  vertex: text(1),
  timestamp: part(2, Timestamp),
  stream: integer(3),
  text: bytes(4),
});

const Position = message({ line: integer(1), character: integer(2) });
const Range = message({ start: part(1, Position), end: part(2, Position) });
const SourceInfo = message({ filename: text(1), data: bytes(2), language: text(4) });

/** The gateway's WarnRequest is the same. */
export const VertexWarning = message({
  vertex: text(1),
  level: integer(2),
  short: bytes(3),
  detail: byteStrings(4),
  url: text(5),
  info: part(6, SourceInfo),
  ranges: parts(7, Range),
});
export const StatusResponse = message({
  vertexes: parts(1, Vertex),
  statuses: parts(2, VertexStatus),
  logs: parts(3, VertexLog),
  warnings: parts(4, VertexWarning),
});

export const Platform = message({ architecture: text(1), os: text(2), variant: text(3) });

const BuildkitVersion = message({ package: text(1), version: text(2), revision: text(3) });
const GcPolicy = message({
  all: flag(1),
  keepDuration: integer(2),
  reservedSpace: integer(3),
  filters: texts(4),
  maxUsedSpace: integer(5),
  minFreeSpace: integer(6),
});
export const WorkerRecord = message({
  id: text(1),
  labels: map(2, text(2)),
  platforms: parts(3, Platform),
  gcPolicies: parts(4, GcPolicy),
  version: part(5, BuildkitVersion),
});
export const ListWorkersResponse = message({ records: parts(1, WorkerRecord) });
export const InfoResponse = message({ version: part(1, BuildkitVersion) });

export const UsageRecord = message({
  id: text(1),
  mutable: flag(2),
  inUse: flag(3),
  size: integer(4),
  created: part(6, Timestamp),
  lastUsed: part(7, Timestamp),
  usageCount: integer(8),
  description: text(9),
  recordType: text(10),
  shared: flag(11),
  parents: texts(12),
});
export const DiskUsageRequest = message({ filters: texts(1) });
export const DiskUsageResponse = message({ records: parts(1, UsageRecord) });
export const PruneRequest = message({
  filters: texts(1),
  all: flag(2),
  /** Nanoseconds. */
  keepDuration: integer(3),
  reservedSpace: integer(4),
  maxUsedSpace: integer(5),
  minFreeSpace: integer(6),
});

export const HistoryRequest = message({
  activeOnly: flag(1),
  ref: text(2),
  earlyExit: flag(3),
  filters: texts(4),
  limit: integer(5),
});
export const historyEvents = { started: 0, completed: 1, deleted: 2 } as const;
export const Descriptor = message({
  mediaType: text(1),
  digest: text(2),
  size: integer(3),
  annotations: map(5, text(2)),
});
export const BuildResultInfo = message({ attestations: parts(2, Descriptor) });
const HistoryRecord = message({
  ref: text(1),
  frontend: text(2),
  attributes: map(3, text(2)),
  exporters: parts(4, Choice),
  error: part(5, Status),
  created: part(6, Timestamp),
  completed: part(7, Timestamp),
  logs: part(8, Descriptor),
  response: map(9, text(2)),
  result: part(10, BuildResultInfo),
  /** By platform. */
  results: map(11, part(2, BuildResultInfo)),
  /** Spans of OpenTelemetry. */
  trace: part(13, Descriptor),
  pinned: flag(14),
  cachedSteps: integer(15),
  totalSteps: integer(16),
  completedSteps: integer(17),
  /** google.rpc.Status with all its details. */
  failure: part(18, Descriptor),
  warnings: integer(19),
});
export const HistoryEvent = message({ type: integer(1), record: part(2, HistoryRecord) });
export const UpdateHistoryRequest = message({
  ref: text(1),
  pinned: flag(2),
  remove: flag(3),
  finalize: flag(4),
});

/** `milliseconds` since 1970. */
export function timestamp(milliseconds: number): { seconds: number; nanos: number } {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanos: Math.round((milliseconds - seconds * 1000) * 1e6) };
}

export const HealthResponse = message({ status: integer(1) });
