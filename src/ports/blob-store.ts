import type { Readable } from 'node:stream';
import type { ByteReader } from '#base/byte-reader.ts';
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

/** What came of a blob that is not here whole. */
export interface PartialInfo {
  digest: Digest;
  /** Bytes that are there. */
  size: number;
  /** Milliseconds since 1970: when something came for it last. */
  touched: number;
  /** Somebody brings it in now. */
  inUse: boolean;
}

/**
 * A blob on its way in, of which part may be there from an earlier time. It has one holder, who lets go of it whatever
 * happens: what has come by then stays for the next.
 */
export interface PartialBlob extends AsyncDisposable {
  /** Bytes that are there: the source of `receive` begins after them. */
  readonly offset: number;
  /**
   * Takes the rest, once; the blob is visible when this resolves. Content that proves wrong is dropped, all of it.
   * @throws invalid `blob-digest-mismatch`, `blob-size-mismatch`; whatever the source throws
   */
  receive(source: AsyncIterable<Uint8Array>): Promise<void>;
  /**
   * All of it, or from byte `start` to byte `end` (included), as it arrives. The blob's last byte comes only when the digest
   * has proved right; before that it fails as `receive` does.
   */
  read(range?: { start: number; end?: number }): Readable;
  /** All of it as it arrives, for who reads much: its end comes only when the digest has proved right. */
  reader(): ByteReader;
}

/** What a blob is made of. */
export type BlobSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array> | ByteReader;

/** Content by digest. A blob is visible only once it is complete and its digest is verified. */
export interface BlobStore {
  /** Undefined when the blob is not there. */
  stat(digest: Digest): Promise<BlobInfo | undefined>;
  /** @throws not-found `blob-missing` */
  open(digest: Digest, range?: { start: number; end?: number }): Promise<Readable>;
  /** As `open`, for who reads much. @throws not-found `blob-missing` */
  reader(digest: Digest): ByteReader;
  /**
   * The whole of a small blob (manifests and configs).
   * @throws not-found `blob-missing`, invalid `blob-too-large` above `limit` bytes (default 4 MiB)
   */
  read(digest: Digest, limit?: number): Promise<Buffer>;
  /**
   * Streams a blob in. Storing what is already there is fine. A reader is closed.
   * @param follow gets all of it from the first byte, as it arrives: it ends when the blob proves right, and fails as `write` does
   * @throws invalid `blob-digest-mismatch`, `blob-size-mismatch`; whatever the source throws
   */
  write(
    source: BlobSource,
    expected?: Expectation,
    follow?: (content: ByteReader) => void,
  ): Promise<BlobInfo>;
  /** Takes a blob whose content is not what its digest says out of the store, and keeps it for people to look at. Idempotent. */
  setAside(digest: Digest): Promise<void>;
  /**
   * Goes on with a blob that an earlier try did not bring in whole, or begins it; waits while somebody else has it
   * under way. Undefined: it is in the store.
   */
  resume(blob: BlobInfo): Promise<PartialBlob | undefined>;
  /** Takes a blob out, so that `resume` finds all of it. Idempotent. */
  demote(digest: Digest): Promise<void>;
  partials(): Promise<PartialInfo[]>;
  /**
   * Removes partial blobs that nobody has gone on with since `before` (milliseconds since 1970), of those that `accepts` takes.
   * Gives their bytes.
   */
  removePartial(before: number, accepts?: (digest: Digest) => boolean): Promise<number>;
  /** Idempotent. */
  delete(digest: Digest): Promise<void>;
  list(): AsyncIterable<BlobInfo>;
}
