import type { Digest } from '#domain/image/digest.ts';
import type { ImageUser, Lease } from '#engine/contracts.ts';
import { ingest } from '#engine/images/ingest.ts';
import { originsOf, type Origin } from '#engine/images/origins.ts';
import type { Parts } from '#engine/images/parts.ts';

/** The blobs and snapshots that images are made of, for those who share the store: who holds them, and when they go. */
export class ImageContents {
  readonly #parts: Parts;
  readonly #users: (imageId: string) => ImageUser[];

  constructor(parts: Parts, users: (imageId: string) => ImageUser[]) {
    this.#parts = parts;
    this.#users = users;
  }

  /** Whether a blob, or a snapshot, is being worked with. */
  isHeld(digest: Digest): boolean {
    return this.#parts.leases.isHeld(digest);
  }

  /** Whether others than images need a blob. */
  isKept(digest: Digest): boolean {
    return this.#parts.collector.isKept(digest);
  }

  /** Whether a container or a revision that can be gone back to needs an image, by the digest of its manifest or config. */
  isUsed(digest: string): boolean {
    return this.#parts.catalog
      .all()
      .some(
        ({ id, manifestDigest }) =>
          (id === digest || manifestDigest === digest) && this.#users(id).length > 0,
      );
  }

  /** Images are being brought in, sent or built. */
  get isWorking(): boolean {
    return this.#parts.leases.isWorking;
  }

  /** Blobs are being brought in whose digests are not known yet: none goes until that has ended. */
  get isOpenEnded(): boolean {
    return this.#parts.leases.isOpenEnded;
  }

  /** Tells when such work begins, and when all has ended. */
  whenWorking(listener: () => void): void {
    this.#parts.leases.whenWorking(listener);
  }

  /** Who says yes for a digest keeps it from being collected. */
  keptBy(needs: (digest: Digest) => boolean): void {
    this.#parts.collector.keptBy(needs);
  }

  /** Runs work that brings blobs in; what nobody needs of them when it ends goes, also after a crash. */
  ingest<T>(work: (lease: Lease) => Promise<T>): Promise<T> {
    return ingest(this.#parts, { openEnded: false }, work);
  }

  /** `forget` takes references away; the blobs that nobody needs afterwards go, also after a crash in between. */
  release(digests: readonly Digest[], forget: () => void): Promise<void> {
    return this.#parts.collector.release(digests, this.#parts.clock.timestamp(), forget);
  }

  /** Removes what interrupted pulls left of blobs, unless somebody goes on with them. Gives its bytes. */
  removePartial(accepts: (digest: Digest) => boolean): Promise<number> {
    return this.#parts.blobs.removePartial(Infinity, accepts);
  }

  /** Where a blob of images can be had again. */
  origins(digest: Digest): Origin[] {
    return originsOf(this.#parts.catalog, digest);
  }
}
