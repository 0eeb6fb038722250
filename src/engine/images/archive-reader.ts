import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ByteReader } from '#base/byte-reader.ts';
import { BerthError, invalid, messageOf, systemCode } from '#base/errors.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { TarEntry } from '#domain/archive/tar-entry.ts';
import { tarMembers } from '#domain/archive/tar-members.ts';
import { decompressedAny, peek } from '#engine/images/compression.ts';
import type { Parts } from '#engine/images/parts.ts';
import type { BlobInfo, BlobStore } from '#ports/blob-store.ts';

/** Larger ones are no manifest of an image archive. */
const maxDocument = 8 * 1024 * 1024;
const tarBlock = 512;
/** Blobs on their way to the disk while the next member is read. */
const most = 2;

/** The files of an archive: those that describe it as text, all others as blobs. */
export interface ArchiveFiles {
  document(name: string): string | undefined;
  /** Follows the links that `docker save` wrote for layers that images share. */
  blob(name: string): BlobInfo | undefined;
}

/** Who uses a file of an archive while it goes into the blob store. */
export interface Follower {
  follow(content: ByteReader): void;
  /** It is in the store. */
  became(digest: Digest): void;
}

/** Asked for each file by its size and how it begins, as far as a tar's first header. */
export type Follow = (size: number, start: Uint8Array) => Follower | undefined;

const documents = new Set(['manifest.json', 'index.json', 'repositories', 'oci-layout']);

/**
 * Reads an image archive (Docker's or OCI's layout, plain or compressed) in one pass: each file goes into
 * the blob store as it comes, because what it is stands at the archive's end.
 * @throws invalid `archive-corrupt`
 */
export async function readArchive(
  archive: Readable,
  { blobs, decompressor }: Pick<Parts, 'blobs' | 'decompressor'>,
  onBlob: (blob: BlobInfo) => Promise<void>,
  follow: Follow = () => undefined,
): Promise<ArchiveFiles> {
  const files = new Files(blobs, onBlob, follow);
  try {
    for await (const { entry, body } of tarMembers(await decompressedAny(archive, decompressor)))
      await files.add(entry, body);
    await files.whole();
  } catch (error) {
    // Nothing goes on writing afterwards.
    await files.whole().catch(() => undefined);
    throw asArchiveError(error);
  }
  return files;
}

class Files implements ArchiveFiles {
  readonly #documents = new Map<string, string>();
  readonly #blobs = new Map<string, BlobInfo>();
  readonly #links = new Map<string, string>();
  readonly #writing: Promise<void>[] = [];
  readonly #store: BlobStore;
  readonly #onBlob: (blob: BlobInfo) => Promise<void>;
  readonly #follow: Follow;

  constructor(store: BlobStore, onBlob: (blob: BlobInfo) => Promise<void>, follow: Follow) {
    this.#store = store;
    this.#onBlob = onBlob;
    this.#follow = follow;
  }

  /** Returns when the next member can be read: a blob that is on its way to the disk is not waited for. */
  async add(entry: TarEntry, body: AsyncIterable<Uint8Array>): Promise<void> {
    const name = posix.normalize(entry.name);
    if (entry.type === 'symlink')
      this.#links.set(name, posix.normalize(posix.join(posix.dirname(name), entry.linkName)));
    if (entry.type === 'hard-link') this.#links.set(name, posix.normalize(entry.linkName));
    if (entry.type !== 'file') return;
    if (documents.has(name)) {
      if (entry.size > maxDocument)
        throw invalid('archive-corrupt', `reading an image archive: '${name}' has ${entry.size} bytes`);
      this.#documents.set(name, (await buffer(body)).toString('utf8'));
      return;
    }
    const { start, whole } = await peek(body, tarBlock);
    const follower = this.#follow(entry.size, start);
    const read = Promise.withResolvers<void>();
    const writing = this.#write(name, told(whole, read.resolve), follower);
    // It may fail while an earlier one is waited for; it is asked at the end.
    writing.catch(() => undefined);
    this.#writing.push(writing);
    if (this.#writing.length > most) await this.#writing.shift();
    await Promise.race([read.promise, writing]);
  }

  /** Resolves when all blobs are in the store, or none is written any more. @throws what the first of them failed with */
  async whole(): Promise<void> {
    const results = await Promise.allSettled(this.#writing);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async #write(name: string, body: AsyncIterable<Uint8Array>, follower: Follower | undefined): Promise<void> {
    const blob = await this.#store.write(body, {}, follower && ((content) => follower.follow(content)));
    await this.#onBlob(blob);
    follower?.became(blob.digest);
    this.#blobs.set(name, blob);
  }

  document(name: string): string | undefined {
    return this.#documents.get(name);
  }

  blob(name: string): BlobInfo | undefined {
    const plain = posix.normalize(name);
    return this.#blobs.get(this.#links.get(plain) ?? plain);
  }
}

/** Tells when all of it has been read. */
async function* told(source: AsyncIterable<Uint8Array>, read: () => void): AsyncGenerator<Uint8Array> {
  yield* source;
  read();
}

/** What tar and the decompressors say about a bad archive; errors of the disk and of the client stay as they are. */
function asArchiveError(error: unknown): unknown {
  const code = systemCode(error) ?? '';
  const isFormat =
    (error instanceof BerthError && error.code === 'layer-corrupt') || /^(Z_|ZSTD_|ERR_ZSTD)/.test(code);
  if (!isFormat) return error;
  return invalid('archive-corrupt', `reading an image archive: ${messageOf(error)}`, {
    hint: 'the archive is damaged, cut short or not an archive of images',
    cause: error,
  });
}
