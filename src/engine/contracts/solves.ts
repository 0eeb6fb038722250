import type { Duplex, Readable } from 'node:stream';
import type { SessionOffer } from '#ports/build-sessions.ts';
import type { Image } from '#domain/image/image.ts';
import type { PathStat } from '#ports/root-files.ts';
import type { Exported } from './build-outputs.ts';
import type { BuildRequest } from './builds.ts';
import type { VertexEvent } from './build-progress.ts';

export type { SessionOffer };

/** Clients of BuildKit's protocol that answer for their files while they are connected. */
export interface Sessions {
  /** Resolves when the client is gone. @throws conflict `session-taken` */
  open(connection: Duplex, offer: SessionOffer): Promise<void>;
}

/** Contexts that come in a request of their own, while another one asks for the build (`remote=upload-request`). */
export interface Uploads {
  /** Resolves when the build has read it. @throws not-found `upload-missing` when none asks for it */
  offer(id: string, content: Readable, signal: AbortSignal): Promise<void>;
  /** Waits a while for it. @throws not-found `upload-missing` */
  take(id: string, signal: AbortSignal): Promise<Readable>;
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
  /** Empty: the client has none. */
  session: string;
  /** `dockerfile.v0`; empty: the client says by `Frontends.solve` and `finish` what the result is. */
  frontend: string;
  /** `filename`, `target`, `build-arg:NAME` ... */
  attributes: Record<string, string>;
  exporters: Choice[];
  cacheFrom: Choice[];
  cacheTo: Choice[];
  inputs: FrontendInputs;
  entitlements: string[];
  /** Not for the history. */
  internal: boolean;
  /** The main context as a tar, where the request for the build carries it. */
  archive?: Readable;
  /** Limits of RUN beyond those of the attributes. */
  resources?: NonNullable<BuildRequest['resources']>;
  /** So that `cancel` can name it. */
  id?: string;
}

/**
 * What a client gives to a frontend beside its options: a result of a solve (`solve` is its ref), a folder of its session, an
 * image, or a Git repository or archive at a URL; with `filename` what is at the URL as a file of that name.
 */
export type FrontendInput =
  | { solve: string; result: string }
  | { local: string }
  | { image: string }
  | { remote: string; filename?: string };

/** By the names that the options use. */
export type FrontendInputs = Readonly<Record<string, FrontendInput>>;

/** What a frontend was asked for, to be built when it is wanted. */
export interface FrontendRequest {
  frontend: string;
  attributes: Record<string, string>;
  cacheFrom: Choice[];
  inputs: FrontendInputs;
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
  failure?: Error;
  response: Record<string, string>;
  /** Of the images that were exported. */
  attested: Exported['attested'];
  steps: { total: number; completed: number; cached: number; warnings: number };
  pinned: boolean;
}

export interface ImageQuestion {
  name: string;
  /** `linux/amd64`; empty: this machine's. */
  platform: string;
  /** Ask the registry even when it is here. */
  pull: boolean;
}

/** A file of an image; `path` as it was asked for. */
export interface ResultFile extends PathStat {
  path: string;
}

/** Looks into images. Paths are found as a process with that root would find them. */
export interface ResultFiles {
  /** From `offset`, `length` bytes or, with 0, all. @throws not-found `path-missing`; invalid `path-is-folder`, `file-too-large` */
  read(image: Image, path: string, range: { offset: number; length: number }): Promise<Uint8Array>;
  /** @throws not-found `path-missing` */
  stat(image: Image, path: string): Promise<ResultFile>;
  /** What is in a folder, by name; a pattern of the shell takes some. @throws not-found `path-missing`; invalid `path-not-folder` */
  list(image: Image, path: string, pattern: string): Promise<ResultFile[]>;
}

export type SolveChange = { kind: 'started' | 'completed' | 'deleted'; record: SolveRecord };

export interface Solves {
  /** Gives what the exporters say of the result: `containerimage.digest` ... @throws as Builds.build */
  solve(request: SolveRequest, signal: AbortSignal): Promise<Record<string, string>>;
  /** Of those with this id. Idempotent; an unknown one is fine. */
  cancel(id: string): void;
  /** From the beginning until it has ended. Waits a while for one that is not there yet. @throws not-found `solve-missing` */
  follow(ref: string, signal: AbortSignal): AsyncIterable<VertexEvent>;
  /** What the client gave to the solve itself. Waits for it as `follow` does. @throws not-found `solve-missing` */
  inputs(ref: string, signal: AbortSignal): Promise<FrontendInputs>;
  /** Waits for the solve as `follow` does. @throws not-found `solve-missing`; unsupported `frontend-unsupported` */
  ask(ref: string, request: FrontendRequest, signal: AbortSignal): Promise<FrontendResult>;
  /** A source alone, as a result that can be looked into. @throws not-found `solve-missing` */
  source(ref: string, source: FrontendInput, signal: AbortSignal): Promise<FrontendResult>;
  /** A warning of a client that is the frontend itself, for those who follow the solve and for the history. @throws not-found `solve-missing` */
  tell(ref: string, event: VertexEvent & { kind: 'warning' }, signal: AbortSignal): Promise<void>;
  /** Lets the solve go on to its exporters. @throws not-found `solve-missing` */
  finish(ref: string, outcome: FrontendOutcome, signal: AbortSignal): Promise<void>;
  /** Builds a result without exporting it. @throws as Builds.build */
  evaluate(ref: string, result: string, signal: AbortSignal): Promise<void>;
  /** As `evaluate`, and gives it: of this machine's platform where there are several. */
  image(ref: string, result: string, signal: AbortSignal): Promise<Image>;
  /** What a name of a registry stands for; the client of the solve is asked for credentials. @throws as Images.pull */
  resolve(ref: string, wanted: ImageQuestion, signal: AbortSignal): Promise<Image>;
  records(): SolveRecord[];
  /** Changes from now on. */
  changes(signal: AbortSignal): AsyncIterable<SolveChange>;
  /** Pinned records are kept. @throws not-found `solve-missing` */
  pin(ref: string, pinned: boolean): void;
  /** Idempotent. */
  forget(ref: string): void;
}
