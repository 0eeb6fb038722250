import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  opendir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { FileReader } from '#adapters/blobs/file-reader.ts';
import { GrowingFile } from '#adapters/blobs/growing-file.ts';
import { PartialBlobs } from '#adapters/blobs/partial-blobs.ts';
import { writeAll } from '#adapters/blobs/write-all.ts';
import { syncFolder } from '#adapters/files/sync-folder.ts';
import { isReader, type ByteReader } from '#base/byte-reader.ts';
import { invalid, notFound, systemCode } from '#base/errors.ts';
import { isDigest, parseDigest, type Digest } from '#domain/image/digest.ts';
import type {
  BlobInfo,
  BlobSource,
  BlobStore,
  Expectation,
  PartialBlob,
  PartialInfo,
} from '#ports/blob-store.ts';

const MIB = 1024 * 1024;
/** What arrives is written in pieces of this size. */
const gather = MIB / 2;

/**
 * Blobs as an OCI image layout (image-layout.md): `blobs/sha256/HEX` below the root, beside `oci-layout`.
 * A blob grows in `blobs/incoming`, in the same file system, and gets its name by rename once it is
 * verified and on disk; what a crash leaves there is removed by `open`. Those that can be gone on with are in `blobs/partial`.
 */
export class DiskBlobStore implements BlobStore {
  readonly #blobs: string;
  readonly #incoming: string;
  readonly #partial: PartialBlobs;
  readonly #damaged: string;

  private constructor(root: string) {
    this.#blobs = join(root, 'blobs', 'sha256');
    this.#incoming = join(root, 'blobs', 'incoming');
    this.#partial = new PartialBlobs(
      join(root, 'blobs', 'partial'),
      (path, digest) => this.#publish(path, digest),
      (digest) => this.#path(digest),
    );
    this.#damaged = join(root, 'blobs', 'damaged');
  }

  /** `root` is absolute; it is made when it is missing. One store at a time may use it. */
  static async open(root: string): Promise<DiskBlobStore> {
    const store = new DiskBlobStore(root);
    await rm(store.#incoming, { recursive: true, force: true });
    await mkdir(store.#incoming, { recursive: true, mode: 0o700 });
    await store.#partial.make();
    await mkdir(store.#blobs, { recursive: true, mode: 0o700 });
    await writeFile(join(root, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}\n');
    return store;
  }

  async stat(digest: Digest): Promise<BlobInfo | undefined> {
    const found = await stat(this.#path(digest)).catch(ignoreMissing);
    return found === undefined ? undefined : { digest, size: found.size };
  }

  async open(digest: Digest, range: { start: number; end?: number } = { start: 0 }): Promise<Readable> {
    const file = await open(this.#path(digest)).catch(ignoreMissing);
    if (file === undefined) throw missing(digest);
    // The descriptor stays valid when the blob is deleted while it is read.
    return createReadStream('', { fd: file, ...range, highWaterMark: MIB });
  }

  reader(digest: Digest): ByteReader {
    try {
      return new FileReader(this.#path(digest));
    } catch (error) {
      throw systemCode(error) === 'ENOENT' ? missing(digest) : error;
    }
  }

  async read(digest: Digest, limit: number = 4 * MIB): Promise<Buffer> {
    const info = await this.stat(digest);
    if (info === undefined) throw missing(digest);
    if (info.size > limit)
      throw invalid(
        'blob-too-large',
        `blob ${digest} has ${info.size} bytes; at most ${limit} are read at once`,
      );
    const content = await readFile(this.#path(digest)).catch(ignoreMissing);
    if (content === undefined) throw missing(digest);
    return content;
  }

  async write(
    source: BlobSource,
    expected: Expectation = {},
    follow?: (content: ByteReader) => void,
  ): Promise<BlobInfo> {
    const path = join(this.#incoming, randomUUID());
    const growing = new GrowingFile();
    try {
      const info = await receive(source, path, growing, { expected, follow });
      await this.#publish(path, info.digest);
      return info;
    } catch (error) {
      growing.end(error);
      // It may have failed before anything was read of it.
      if (source instanceof Readable) source.destroy();
      await rm(path, { force: true });
      throw error;
    } finally {
      if (isReader(source)) await source.close();
    }
  }

  /** Makes a whole file of the same file system, whose digest the caller knows, a blob. The file is gone afterwards. */
  async adopt(path: string, digest: Digest): Promise<BlobInfo> {
    const file = await open(path);
    try {
      await file.datasync();
      const { size } = await file.stat();
      await rename(path, this.#path(digest));
      await syncFolder(this.#blobs);
      return { digest, size };
    } finally {
      await file.close();
    }
  }

  async setAside(digest: Digest): Promise<void> {
    await mkdir(this.#damaged, { recursive: true, mode: 0o700 });
    await rename(this.#path(digest), join(this.#damaged, digest.slice('sha256:'.length))).catch(
      ignoreMissing,
    );
  }

  resume(blob: BlobInfo): Promise<PartialBlob | undefined> {
    return this.#partial.open(blob, async () => (await this.stat(blob.digest)) !== undefined);
  }

  demote(digest: Digest): Promise<void> {
    return this.#partial.take(this.#path(digest), digest);
  }

  partials(): Promise<PartialInfo[]> {
    return this.#partial.list();
  }

  removePartial(before: number, accepts?: (digest: Digest) => boolean): Promise<number> {
    return this.#partial.remove(before, accepts);
  }

  async delete(digest: Digest): Promise<void> {
    await rm(this.#path(digest), { force: true });
  }

  async *list(): AsyncIterable<BlobInfo> {
    for await (const entry of await opendir(this.#blobs)) {
      const digest = `sha256:${entry.name}`;
      const info = isDigest(digest) ? await this.stat(digest) : undefined;
      if (info !== undefined) yield info;
    }
  }

  async #publish(path: string, digest: Digest): Promise<void> {
    await rename(path, this.#path(digest));
    await syncFolder(this.#blobs);
  }

  #path(digest: Digest): string {
    return join(this.#blobs, parseDigest(digest).slice('sha256:'.length));
  }
}

interface Receiving {
  /** Of more bytes it stops early. */
  expected: Expectation;
  follow: ((content: ByteReader) => void) | undefined;
}

/** Writes the source to `path`, hashing on the way, and syncs what proved right. */
async function receive(
  source: BlobSource,
  path: string,
  growing: GrowingFile,
  { expected, follow }: Receiving,
): Promise<BlobInfo> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx', 0o600);
  try {
    follow?.(new FileReader(path, (position) => growing.after(position)));
    const pieces = isReader(source) ? heldPieces(source) : source;
    const size = await copy(pieces, file, expected.size ?? Infinity, (chunks, bytes) => {
      for (const chunk of chunks) hash.update(chunk);
      growing.grew(bytes);
    });
    const info = { digest: parseDigest(`sha256:${hash.digest('hex')}`), size };
    verify(info, expected);
    growing.end();
    await file.datasync();
    return info;
  } finally {
    await file.close();
  }
}

/** Pieces of the size in which they are written, each in the same memory. */
async function* heldPieces(reader: ByteReader): AsyncGenerator<Uint8Array> {
  const memory = Buffer.allocUnsafeSlow(gather);
  for (let isOver = false; !isOver;) {
    let filled = 0;
    while (filled < gather && !isOver) {
      const count = await reader.read(memory.subarray(filled));
      filled += count;
      isOver = count === 0;
    }
    yield memory.subarray(0, filled);
  }
}

/** What fills a piece is in the file before the next one is asked for. @param see hears what is in the file now */
async function copy(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  file: FileHandle,
  limit: number,
  see: (chunks: Uint8Array[], bytes: number) => void,
): Promise<number> {
  let size = 0;
  let held = 0;
  let chunks: Uint8Array[] = [];
  const flush = async (): Promise<void> => {
    if (held === 0) return;
    await writeAll(file, chunks);
    see(chunks, held);
    [chunks, held] = [[], 0];
  };
  for await (const chunk of source) {
    size += chunk.length;
    held += chunk.length;
    chunks.push(chunk);
    if (size > limit) throw wrongSize(size, limit);
    if (held >= gather) await flush();
  }
  await flush();
  return size;
}

function verify(info: BlobInfo, expected: Expectation): void {
  if (expected.size !== undefined && expected.size !== info.size) throw wrongSize(info.size, expected.size);
  if (expected.digest !== undefined && expected.digest !== info.digest)
    throw invalid(
      'blob-digest-mismatch',
      `storing blob ${expected.digest}: the content has the digest ${info.digest}`,
      { hint: 'the content was damaged or changed on its way; fetch it again' },
    );
}

function wrongSize(found: number, required: number): Error {
  return invalid(
    'blob-size-mismatch',
    `storing a blob: found ${found > required ? `at least ${found}` : found} bytes; required are ${required}`,
  );
}

function missing(digest: Digest): Error {
  return notFound('blob-missing', `blob ${digest} is not in the store`);
}

function ignoreMissing(error: unknown): undefined {
  if (systemCode(error) === 'ENOENT') return undefined;
  throw error;
}
