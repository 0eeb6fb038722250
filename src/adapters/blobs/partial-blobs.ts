import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { FileReader } from '#adapters/blobs/file-reader.ts';
import { GrowingFile } from '#adapters/blobs/growing-file.ts';
import { writeAll } from '#adapters/blobs/write-all.ts';
import type { ByteReader } from '#base/byte-reader.ts';
import { invalid, systemCode } from '#base/errors.ts';
import { KeyedMutex } from '#base/mutex.ts';
import { isDigest, type Digest } from '#domain/image/digest.ts';
import type { BlobInfo, PartialBlob, PartialInfo } from '#ports/blob-store.ts';

const MIB = 1024 * 1024;
/** What arrives is written in pieces of this size; a crash loses less than one. */
const gather = 256 * 1024;

/**
 * Blobs on their way in, each a file under its digest in `blobs/partial`. What a broken transfer left stays for the next
 * one, also over a crash; only the right digest makes a blob of it.
 */
export class PartialBlobs {
  readonly #folder: string;
  readonly #publish: (path: string, digest: Digest) => Promise<void>;
  readonly #published: (digest: Digest) => string;
  readonly #locks = new KeyedMutex();

  /**
   * @param folder in the file system of the blobs
   * @param publish gives a file on disk, whose digest is right, its name as a blob
   * @param published that name
   */
  constructor(
    folder: string,
    publish: (path: string, digest: Digest) => Promise<void>,
    published: (digest: Digest) => string,
  ) {
    this.#folder = folder;
    this.#publish = publish;
    this.#published = published;
  }

  make(): Promise<unknown> {
    return mkdir(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** Waits for another who fetches the same blob. Undefined: `isThere` found it whole. */
  async open(blob: BlobInfo, isThere: () => Promise<boolean>): Promise<PartialBlob | undefined> {
    const opened = Promise.withResolvers<PartialFile | undefined>();
    const closed = Promise.withResolvers<void>();
    const held = this.#locks.run(blob.digest, async () => {
      if (await isThere()) {
        opened.resolve(undefined);
        return;
      }
      const path = this.#path(blob.digest);
      const partial = await PartialFile.open(
        { path, published: this.#published(blob.digest) },
        blob,
        () => this.#publish(path, blob.digest),
        closed.resolve,
      );
      opened.resolve(partial);
      await closed.promise;
    });
    held.catch(opened.reject);
    return opened.promise;
  }

  /** Makes the beginning of the next transfer of a blob's file. */
  async take(path: string, digest: Digest): Promise<void> {
    await rename(path, this.#path(digest)).catch(ignoreMissing);
  }

  /** Removes what nobody has gone on with since `before` (milliseconds since 1970). Gives its bytes. */
  async remove(before: number, accepts: (digest: Digest) => boolean = () => true): Promise<number> {
    let bytes = 0;
    for (const { digest, size, touched } of await this.list()) {
      // Somebody may have begun to go on with it while another one was removed.
      if (this.#locks.isHeld(digest) || touched >= before || !accepts(digest)) continue;
      await rm(this.#path(digest), { force: true });
      bytes += size;
    }
    return bytes;
  }

  async list(): Promise<PartialInfo[]> {
    const found: PartialInfo[] = [];
    for (const name of await readdir(this.#folder)) {
      const digest = `sha256:${name}`;
      const file = await stat(join(this.#folder, name)).catch(ignoreMissing);
      if (file === undefined || !isDigest(digest)) continue;
      const inUse = this.#locks.isHeld(digest);
      found.push({ digest, size: file.size, touched: file.mtimeMs, inUse });
    }
    return found;
  }

  #path(digest: Digest): string {
    return join(this.#folder, digest.slice('sha256:'.length));
  }
}

/** Where a blob is while it comes, and afterwards. */
type Paths = Record<'path' | 'published', string>;

class PartialFile implements PartialBlob {
  readonly offset: number;
  readonly #paths: Paths;
  readonly #blob: BlobInfo;
  readonly #file: FileHandle;
  readonly #hash: Hash;
  readonly #publish: () => Promise<void>;
  readonly #closed: () => void;
  readonly #growing: GrowingFile;

  private constructor(
    paths: Paths,
    blob: BlobInfo,
    file: FileHandle,
    start: { size: number; hash: Hash },
    publish: () => Promise<void>,
    closed: () => void,
  ) {
    this.#paths = paths;
    this.#blob = blob;
    this.#file = file;
    this.offset = start.size;
    this.#growing = new GrowingFile(start.size, blob.size);
    this.#hash = start.hash;
    this.#publish = publish;
    this.#closed = closed;
  }

  static async open(
    paths: Paths,
    blob: BlobInfo,
    publish: () => Promise<void>,
    closed: () => void,
  ): Promise<PartialFile> {
    const file = await open(paths.path, 'a+', 0o600);
    try {
      const start = await beginning(file, blob.size);
      return new PartialFile(paths, blob, file, start, publish, closed);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async receive(source: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      await this.#append(source);
      await this.#verify();
      this.#growing.end();
    } catch (error) {
      this.#growing.end(error);
      throw error;
    }
    await this.#file.datasync();
    await this.#publish();
  }

  read(range: { start: number; end?: number } = { start: 0 }): Readable {
    // Opened now: when it is read, the file may be gone, and may have its name as a blob already.
    const opening = open(this.#paths.path, 'r').catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return open(this.#paths.published, 'r');
      throw error;
    });
    const content = Readable.from(this.#tail(opening, range), { objectMode: false });
    content.once('close', () => {
      opening.then((file) => file.close()).catch(() => undefined);
    });
    return content;
  }

  reader(): ByteReader {
    return new FileReader(this.#paths.path, (position) => this.#growing.after(position));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#growing.end(invalid('blob-incomplete', `blob ${this.#blob.digest} has not come whole`));
    try {
      if (this.#growing.written === 0) await rm(this.#paths.path, { force: true });
      await this.#file.close();
    } finally {
      this.#closed();
    }
  }

  async #append(source: AsyncIterable<Uint8Array>): Promise<void> {
    let chunks: Uint8Array[] = [];
    let held = 0;
    const flush = async (): Promise<void> => {
      if (held === 0) return;
      await writeAll(this.#file, chunks);
      for (const chunk of chunks) this.#hash.update(chunk);
      this.#growing.grew(held);
      [chunks, held] = [[], 0];
    };
    try {
      for await (const chunk of source) {
        const found = this.#growing.written + held + chunk.length;
        if (found > this.#blob.size) throw await this.#refused(`at least ${found} bytes`);
        chunks.push(chunk);
        held += chunk.length;
        if (held >= gather) await flush();
      }
    } finally {
      await flush();
    }
  }

  async #verify(): Promise<void> {
    const { digest, size } = this.#blob;
    const { written } = this.#growing;
    if (written !== size)
      throw invalid(
        'blob-size-mismatch',
        `storing blob ${digest}: found ${written} bytes; required are ${size}`,
      );
    const found = `sha256:${this.#hash.digest('hex')}`;
    if (found === digest) return;
    await rm(this.#paths.path, { force: true });
    throw invalid('blob-digest-mismatch', `storing blob ${digest}: the content has the digest ${found}`, {
      hint: 'the content was damaged or changed on its way; fetch it again',
    });
  }

  /** What is wrong is no beginning of anything. */
  async #refused(found: string): Promise<Error> {
    await rm(this.#paths.path, { force: true });
    const { digest, size } = this.#blob;
    return invalid('blob-size-mismatch', `storing blob ${digest}: found ${found}; required are ${size}`);
  }

  async *#tail(
    opening: Promise<FileHandle>,
    { start, end = Infinity }: { start: number; end?: number },
  ): AsyncGenerator<Uint8Array> {
    const file = await opening;
    for (let at = start; at <= end;) {
      const there = await this.#growing.after(at);
      if (there === 0) return;
      const buffer = Buffer.allocUnsafe(Math.min(MIB, there, end + 1 - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }
}

/** What is there of a blob; more than it can be is nothing. */
async function beginning(file: FileHandle, most: number): Promise<{ size: number; hash: Hash }> {
  const hash = createHash('sha256');
  const { size } = await file.stat();
  if (size > most) {
    await file.truncate(0);
    return { size: 0, hash };
  }
  const content = createReadStream('', { fd: file, start: 0, highWaterMark: MIB, autoClose: false });
  if (size > 0) for await (const chunk of content) hash.update(bytesOf(chunk));
  return { size, hash };
}

function bytesOf(chunk: unknown): Uint8Array {
  return chunk instanceof Uint8Array ? chunk : Buffer.from(String(chunk));
}

function ignoreMissing(error: unknown): undefined {
  if (systemCode(error) === 'ENOENT') return undefined;
  throw error;
}
