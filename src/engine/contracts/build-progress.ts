/** One node of the build graph, told when it is found, again when it starts and when it ends; the last one holds. */
export interface BuildVertex {
  /** `sha256:...`: the same for all that is told of the vertex. */
  digest: string;
  /** `[stage 2/5] RUN make`, as BuildKit names it. */
  name: string;
  /** Digests of the vertices whose results it uses. */
  inputs: string[];
  /** Milliseconds since 1970; absent while it has not started. */
  started?: number;
  completed?: number;
  /** Its result was there before. */
  cached: boolean;
  /** Why it failed; `completed` is set then too. */
  error?: string;
}

/** What a build tells of its graph: the parts of BuildKit's StatusResponse. */
export type VertexEvent =
  | { kind: 'vertex'; vertex: BuildVertex }
  /** What a step wrote: 1 is stdout, 2 is stderr. */
  | { kind: 'log'; vertex: string; stream: 1 | 2; time: number; data: Uint8Array }
  /** How far a part of a vertex is, such as a layer that is downloaded; the last one of an `id` holds. */
  | { kind: 'status'; vertex: string; status: VertexStatus }
  | { kind: 'warning'; vertex: string; warning: BuildWarning };

export interface VertexStatus {
  /** `transferring context`, `sha256:... extracting` */
  id: string;
  /** Bytes, or what the id counts. */
  current: number;
  /** 0 when it is not known. */
  total: number;
  time: number;
  started?: number;
  completed?: number;
}

/** What `docker build --check` finds in a Dockerfile. */
export interface BuildWarning {
  /** The rule: `StageNameCasing`. */
  rule: string;
  /** One line, with the rule in front as BuildKit writes it. */
  short: string;
  detail?: string;
  url?: string;
  file: string;
  /** Counted from 1. */
  line: number;
}
