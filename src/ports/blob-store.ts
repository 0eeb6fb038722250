import type { Readable } from 'node:stream';
import type { Digest } from '#domain/image/digest.ts';

/** What a writer promises; a mismatch is refused and nothing becomes visible. */
export interface Expectation {
  digest?: Digest;
  size?: number;
}

export interface BlobInfo {
  digest: Digest;
  /** Bytes. */
  size: number;
}

/** Content by digest. A blob is visible only once it is complete and its digest is verified. */
export interface BlobStore {
  /** Undefined when the blob is not there. */
  stat(digest: Digest): Promise<BlobInfo | undefined>;
  /** @throws not-found `blob-missing` */
  open(digest: Digest, range?: { start: number; end?: number }): Promise<Readable>;
  /**
   * The whole of a small blob (manifests and configs).
   * @throws not-found `blob-missing`, invalid `blob-too-large` above `limit` bytes (default 4 MiB)
   */
  read(digest: Digest, limit?: number): Promise<Buffer>;
  /**
   * Streams a blob in. Storing what is already there is fine.
   * @throws invalid `blob-digest-mismatch`, `blob-size-mismatch`; whatever the source throws
   */
  write(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, expected?: Expectation): Promise<BlobInfo>;
  /** Idempotent. */
  delete(digest: Digest): Promise<void>;
  list(): AsyncIterable<BlobInfo>;
}
