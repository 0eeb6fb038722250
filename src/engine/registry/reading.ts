import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { derivedStream } from '#base/derived-stream.ts';
import { invalid } from '#base/errors.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { ByteRange } from '#engine/registry/mirrored-blobs.ts';
import type { BlobStore } from '#ports/blob-store.ts';

/** Blobs that are known to be whole, at most: then it begins anew. */
const mostKnown = 100_000;

/**
 * Blobs for clients. The first time in this life of the daemon that one is sent as a whole its digest is looked at on the way,
 * so that content that was damaged on the disk never arrives as if it were right.
 */
export class Reading {
  readonly #blobs: Pick<BlobStore, 'open' | 'read'>;
  readonly #onDamaged: (blob: Digest, problem: string) => void;
  readonly #known = new Set<Digest>();

  /** @param onDamaged is told of each blob whose content is not what its digest says */
  constructor(blobs: Pick<BlobStore, 'open' | 'read'>, onDamaged: (blob: Digest, problem: string) => void) {
    this.#blobs = blobs;
    this.#onDamaged = onDamaged;
  }

  /** Its last bytes come only when it is whole. @throws not-found `blob-missing` */
  async open({ blob, size }: { blob: Digest; size: number }, range: ByteRange): Promise<Readable> {
    const content = await this.#blobs.open(blob, range);
    const isWhole = range.start === 0 && (range.end ?? Infinity) >= size - 1;
    if (!isWhole || this.#known.has(blob)) return content;
    return derivedStream(content, this.#checked(blob, content));
  }

  /** A small one, all of it. @throws not-found `blob-missing`; invalid `blob-digest-mismatch` */
  async read(blob: Digest): Promise<Buffer> {
    const content = await this.#blobs.read(blob);
    this.#require(blob, createHash('sha256').update(content).digest('hex'));
    return content;
  }

  async *#checked(blob: Digest, content: Readable): AsyncGenerator<Uint8Array> {
    const chunks: AsyncIterable<Uint8Array> = content;
    const hash = createHash('sha256');
    let last: Uint8Array | undefined;
    for await (const chunk of chunks) {
      hash.update(chunk);
      if (last !== undefined) yield last;
      last = chunk;
    }
    this.#require(blob, hash.digest('hex'));
    if (last !== undefined) yield last;
  }

  #require(blob: Digest, found: string): void {
    if (`sha256:${found}` === blob) {
      if (this.#known.size >= mostKnown) this.#known.clear();
      this.#known.add(blob);
      return;
    }
    const problem = `its content has the digest sha256:${found}`;
    this.#known.delete(blob);
    this.#onDamaged(blob, problem);
    throw invalid('blob-digest-mismatch', `sending blob ${blob}: ${problem}`);
  }
}
