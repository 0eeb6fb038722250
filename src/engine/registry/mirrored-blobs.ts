import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { unlessAborted } from '#base/abort.ts';
import { derivedStream } from '#base/derived-stream.ts';
import { invalid } from '#base/errors.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import { isWrongContent } from '#engine/images/fetching.ts';
import type { BlobCare } from '#engine/registry/parts.ts';
import type { BlobStore, PartialBlob } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';

export interface ByteRange {
  start: number;
  /** Included; absent: to the end. */
  end?: number;
}

/** A blob of another registry. */
export interface RemoteBlob extends Descriptor {
  /** The content from a byte on. With `direct` no mirror of the upstream is asked. */
  fetch: (offset: number, signal: AbortSignal, direct: boolean) => Promise<Readable>;
  /** It is in the store now, and stays there when this has returned and somebody needs it. */
  onWhole: () => void;
}

export interface MirroredBlobsParts {
  blobs: BlobStore;
  care: Pick<BlobCare, 'ingest'>;
  clock: Pick<Clock, 'sleep'>;
}

/** Milliseconds for which a download goes on that nobody reads along any more: clients come back. */
const lingerMs = 30_000;

interface Download {
  /** Rejects when the upstream does not send it; undefined: it was in the store already. */
  begun: Promise<PartialBlob | undefined>;
  readers: number;
  stop: AbortController;
  /** Never rejects. */
  over: Promise<void>;
}

/**
 * Blobs of other registries on their way here: each is fetched once, from the bytes of it that are here, and whoever asks
 * for it meanwhile reads along. A reader that goes away ends nothing for others; what came of a download that everybody has left is
 * where the next one begins.
 */
export class MirroredBlobs {
  readonly #parts: MirroredBlobsParts;
  readonly #downloads = new Map<Digest, Download>();
  /** What came was something else: the next time the upstream itself is asked. */
  readonly #wrong = new Set<Digest>();
  readonly #closing = new AbortController();

  constructor(parts: MirroredBlobsParts) {
    this.#parts = parts;
  }

  /** Ends all downloads; the next life goes on with them. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#downloads.values()].map(({ over }) => over));
  }

  /**
   * Of a blob that need not be here yet. It ends with an error when the content proves wrong, before the blob's last byte.
   * @throws as `fetch`
   */
  async open(blob: RemoteBlob, range: ByteRange, signal: AbortSignal): Promise<Readable> {
    const { blobs } = this.#parts;
    const { digest } = blob;
    if ((await blobs.stat(digest)) !== undefined) return blobs.open(digest, range);
    const isElsewhere = await this.#isComingElsewhere(digest);
    if (!this.#downloads.has(digest) && isElsewhere)
      return passedOn(await blob.fetch(range.start, signal, false), blob, range);
    const download = this.#downloads.get(digest) ?? this.#begin(blob);
    download.readers += 1;
    try {
      const partial = await unlessAborted(download.begun, signal);
      const content = partial?.read(range) ?? (await blobs.open(digest, range));
      content.once('close', () => this.#left(download));
      return content;
    } catch (error) {
      this.#left(download);
      throw error;
    }
  }

  /** Until it is in the store. @throws as `fetch`; invalid `blob-digest-mismatch` */
  async whole(blob: RemoteBlob, signal: AbortSignal): Promise<void> {
    const content = await this.open(blob, { start: 0 }, signal);
    try {
      content.resume();
      await finished(content, { signal });
      await this.#downloads.get(blob.digest)?.over;
    } finally {
      content.destroy();
    }
  }

  /** The engine pulls it now, maybe through this registry: whoever waited for that would wait for himself. */
  async #isComingElsewhere(digest: Digest): Promise<boolean> {
    return (await this.#parts.blobs.partials()).some((one) => one.digest === digest && one.inUse);
  }

  #begin(blob: RemoteBlob): Download {
    const begun = Promise.withResolvers<PartialBlob | undefined>();
    begun.promise.catch(() => undefined);
    const stop = new AbortController();
    const over = this.#run(blob, stop.signal, begun.resolve)
      .catch(begun.reject)
      .finally(() => {
        this.#downloads.delete(blob.digest);
        stop.abort();
      });
    const download: Download = { begun: begun.promise, readers: 0, stop, over };
    this.#downloads.set(blob.digest, download);
    return download;
  }

  #run(
    blob: RemoteBlob,
    stop: AbortSignal,
    begun: (partial: PartialBlob | undefined) => void,
  ): Promise<void> {
    const { care, blobs } = this.#parts;
    const { digest, size, fetch, onWhole } = blob;
    const signal = AbortSignal.any([stop, this.#closing.signal]);
    return care.ingest(async (lease) => {
      await lease.hold(digest);
      await using partial = await blobs.resume({ digest, size });
      if (partial !== undefined) {
        const { offset } = partial;
        const isAllHere = offset === size;
        const rest = isAllHere ? noBytes() : await fetch(offset, signal, this.#wrong.delete(digest));
        begun(partial);
        await this.#receive(partial, digest, rest);
      }
      begun(undefined);
      onWhole();
    });
  }

  async #receive(partial: PartialBlob, digest: Digest, rest: Readable): Promise<void> {
    try {
      await partial.receive(rest);
    } catch (error) {
      if (isWrongContent(error)) this.#wrong.add(digest);
      throw error;
    }
  }

  #left(download: Download): void {
    download.readers -= 1;
    if (download.readers > 0) return;
    const stop = (): void => {
      if (download.readers === 0) download.stop.abort();
    };
    this.#parts.clock.sleep(lingerMs, download.stop.signal).then(stop, () => undefined);
  }
}

function noBytes(): Readable {
  return Readable.from([], { objectMode: false });
}

/** What is not kept here: of a whole blob the last bytes come once the digest has proved right. */
function passedOn(content: Readable, blob: Descriptor, { start, end }: ByteRange): Readable {
  const last = Math.min(end ?? Infinity, blob.size - 1);
  const isWhole = start === 0 && last === blob.size - 1;
  return derivedStream(content, limited(content, last - start + 1, isWhole ? blob.digest : undefined));
}

async function* limited(
  content: Readable,
  bytes: number,
  digest: Digest | undefined,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  const chunks: AsyncIterable<Uint8Array> = content;
  let left = bytes;
  for await (const chunk of chunks) {
    const taken = chunk.subarray(0, left);
    left -= taken.length;
    if (digest !== undefined) hash.update(taken);
    if (left === 0 && digest !== undefined) refuseOther(digest, `sha256:${hash.digest('hex')}`);
    yield taken;
    if (left === 0) return;
  }
}

function refuseOther(digest: Digest, found: string): void {
  if (found !== digest)
    throw invalid('blob-digest-mismatch', `passing on blob ${digest}: the content has the digest ${found}`);
}
