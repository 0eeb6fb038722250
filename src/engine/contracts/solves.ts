import type { Duplex } from 'node:stream';
import type { SessionOffer } from '#ports/build-sessions.ts';
import type { VertexEvent } from './build-progress.ts';

export type { SessionOffer };

/** Clients of BuildKit's protocol that answer for their files while they are connected. */
export interface Sessions {
  /** Resolves when the client is gone. @throws conflict `session-taken` */
  open(connection: Duplex, offer: SessionOffer): Promise<void>;
}

/** A type with its attributes, as exporters and caches are written. */
export interface Choice {
  type: string;
  attributes: Record<string, string>;
}

/** What a client of BuildKit's protocol wants built. */
export interface SolveRequest {
  /** The client's name for it. */
  ref: string;
  session: string;
  /** `dockerfile.v0`; empty: the client says by `Frontends.solve` and `finish` what the result is. */
  frontend: string;
  /** `filename`, `target`, `build-arg:NAME` ... */
  attributes: Record<string, string>;
  exporters: Choice[];
  cacheFrom: Choice[];
  cacheTo: Choice[];
  entitlements: string[];
  /** Not for the history. */
  internal: boolean;
}

/** What a frontend was asked for, to be built when it is wanted. */
export interface FrontendRequest {
  frontend: string;
  attributes: Record<string, string>;
  cacheFrom: Choice[];
}

/** `id` names a result that is built at its first use; a subrequest gives texts instead. */
export interface FrontendResult {
  id: string;
  metadata: Record<string, string>;
}

/** How a client that is a frontend itself ended. */
export type FrontendOutcome = { result: string } | { error: Error };

/** One build that a client follows; it is kept for a while after its end. */
export interface SolveRecord {
  ref: string;
  frontend: string;
  attributes: Record<string, string>;
  exporters: Choice[];
  /** Milliseconds since 1970. */
  created: number;
  completed?: number;
  error?: string;
  response: Record<string, string>;
  steps: { total: number; completed: number; cached: number; warnings: number };
  pinned: boolean;
}

export type SolveChange = { kind: 'started' | 'completed' | 'deleted'; record: SolveRecord };

export interface Solves {
  /** Gives what the exporters say of the result: `containerimage.digest` ... @throws as Builds.build */
  solve(request: SolveRequest, signal: AbortSignal): Promise<Record<string, string>>;
  /** From the beginning until it has ended. Waits a while for one that is not there yet. @throws not-found `solve-missing` */
  follow(ref: string, signal: AbortSignal): AsyncIterable<VertexEvent>;
  /** Waits for the solve as `follow` does. @throws not-found `solve-missing`; unsupported `frontend-unsupported` */
  ask(ref: string, request: FrontendRequest, signal: AbortSignal): Promise<FrontendResult>;
  /** A warning of a client that is the frontend itself, for those who follow the solve and for the history. @throws not-found `solve-missing` */
  tell(ref: string, event: VertexEvent & { kind: 'warning' }, signal: AbortSignal): Promise<void>;
  /** Lets the solve go on to its exporters. @throws not-found `solve-missing` */
  finish(ref: string, outcome: FrontendOutcome, signal: AbortSignal): Promise<void>;
  /** Builds a result without exporting it. @throws as Builds.build */
  evaluate(ref: string, result: string, signal: AbortSignal): Promise<void>;
  records(): SolveRecord[];
  /** Changes from now on. */
  changes(signal: AbortSignal): AsyncIterable<SolveChange>;
  /** Pinned records are kept. @throws not-found `solve-missing` */
  pin(ref: string, pinned: boolean): void;
  /** Idempotent. */
  forget(ref: string): void;
}
