import type { Duplex, Readable } from 'node:stream';
import type { Descriptor } from '#domain/image/manifest.ts';
import type { Digest } from '#domain/image/digest.ts';

/** Puts files into an empty folder; where there are paths (as `contextPaths` gives them), it may leave out all others. */
export type Fill = (folder: string, signal: AbortSignal, paths?: readonly string[]) => Promise<void>;

/**
 * Where the files of a build come from: a tar (plain or compressed); a folder of this machine, of which nothing is
 * changed; what a client sends into an empty folder, which the build owns and removes; a Git repository (if so asked with its
 * own folder `.git`) or an archive at a URL, in the words of `docker build`.
 */
export type BuildContextSource =
  { tar: Readable } | { folder: string } | { fill: Fill } | { remote: string; keepGitDir?: boolean };

/**
 * What a name in FROM, `COPY --from` or `RUN --mount=from` stands for instead of an image of that name: `obtain` makes or
 * fetches an image for a platform (`linux/amd64`) when a step first needs it, and gives its id.
 */
export type NamedContext =
  BuildContextSource | { image: string } | { obtain: (platform: string) => Promise<string> };

/** The agents that the client forwards. */
export interface SshAgents {
  /** Whether the client offers one under the id (`default` where the Dockerfile names none). */
  has(id: string): Promise<boolean>;
  /** A connection to it; ends with an error where the client is gone. */
  connect(id: string): Duplex;
}

/** What the client allows that a build may not do by itself. */
export type Entitlement = 'security.insecure' | 'network.host';

/** Blobs at the client's, for a cache in a folder there. */
export interface ClientBlobs {
  /** Undefined when there is none. */
  read(digest: Digest): Promise<Readable | undefined>;
  write(descriptor: Descriptor, content: Readable): Promise<void>;
}

export type CacheSource =
  | { kind: 'registry'; reference: string }
  /** An OCI layout in a folder of this machine, as `cacheTo` writes it. */
  | { kind: 'folder'; folder: string }
  /** An OCI layout at the client's; `digest` is that of the cache's manifest. */
  | { kind: 'local'; digest: Digest; blobs: ClientBlobs };

export type CacheTarget =
  /** With `max` also the steps of stages that did not get into the image. */
  | { kind: 'registry'; reference: string; mode: 'min' | 'max' }
  | { kind: 'folder'; mode: 'min' | 'max'; folder: string }
  /** The blob that is written last is the manifest. */
  | { kind: 'local'; mode: 'min' | 'max'; blobs: ClientBlobs }
  /** Within the image itself. */
  | { kind: 'inline' };
