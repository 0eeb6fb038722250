import type { BlobInfo } from '#ports/blob-store.ts';
import type { Digest } from '#domain/image/digest.ts';

/** What a finished upload must be; a mismatch is refused. */
export interface UploadExpectation {
  /** `sha256:HEX` or `sha512:HEX`. */
  digest: string;
}

/**
 * Blobs on their way in, by ids that the caller gives out: what has come survives a restart, and becomes a blob of the
 * blob store without being copied. One call at a time for each id.
 */
export interface Uploads {
  create(id: string): Promise<void>;
  /** Bytes so far; undefined when there is no such upload. */
  size(id: string): Promise<number | undefined>;
  /**
   * Adds to the end and gives the new size. When the source ends with an error, what came of it stays; when it gives
   * more than `limit` bytes, nothing of it stays.
   * @throws invalid `upload-too-long`; whatever the source throws; ENOSPC with what fitted kept
   */
  append(id: string, source: AsyncIterable<Uint8Array>, limit?: number): Promise<number>;
  /** The digest of what has come, for whoever must hold it before it becomes visible. */
  digest(id: string): Promise<Digest>;
  /**
   * Makes it a blob. The upload is gone afterwards.
   * @throws invalid `blob-digest-mismatch`
   */
  commit(id: string, expected: UploadExpectation): Promise<BlobInfo>;
  /** Idempotent. */
  remove(id: string): Promise<void>;
  list(): Promise<string[]>;
}
