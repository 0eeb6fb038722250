import type { Digest } from '#domain/image/digest.ts';
import type { Lease } from '#engine/contracts.ts';
import type { Content } from '#engine/registry/content.ts';
import type { Rules } from '#engine/registry/rules.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { StateStore } from '#ports/state-store.ts';
import type { Uploads } from '#ports/uploads.ts';

/** The engine's care for blobs, which the registry shares. */
export interface BlobCare {
  /** Who says yes for a digest keeps it from being collected. */
  keptBy(needs: (digest: Digest) => boolean): void;
  /** Runs work that brings blobs in; what nobody needs of them when it ends goes, also after a crash. */
  ingest<T>(work: (lease: Lease) => Promise<T>): Promise<T>;
  /** `forget` takes references away; the blobs that nobody needs afterwards go, also after a crash in between. */
  release(digests: readonly Digest[], forget: () => void): Promise<void>;
  /** Whether a container or a revision that can be gone back to needs an image, by the digest of its manifest or config. */
  isUsed(digest: string): boolean;
}

/** What happened to content, for webhooks. */
export interface RegistryEvent {
  action: 'push' | 'pull' | 'delete';
  repository: string;
  digest: string;
  tag?: string;
  mediaType?: string;
  size?: number;
  /** Who did it; '' for nobody known. */
  by: string;
}

/** What the verbs of this room share. */
export interface RegistryParts {
  store: StateStore;
  clock: Clock;
  blobs: BlobStore;
  uploads: Uploads;
  care: BlobCare;
  content: Content;
  rules: Rules;
  announce: (event: RegistryEvent) => void;
  report: (problem: string, error: unknown) => void;
}
