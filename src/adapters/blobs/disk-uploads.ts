import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DiskBlobStore } from '#adapters/blobs/disk-blob-store.ts';
import { invalid, systemCode } from '#base/errors.ts';
import { parseDigest, type Digest } from '#domain/image/digest.ts';
import type { BlobInfo } from '#ports/blob-store.ts';
import type { UploadExpectation, Uploads } from '#ports/uploads.ts';

/** How far an upload has been hashed while its bytes came by. */
interface Progress {
  hash: Hash;
  size: number;
}

/** One file for each upload, in the file system of the blob store, into which it is renamed when it is whole. */
export class DiskUploads implements Uploads {
  readonly #folder: string;
  readonly #blobs: DiskBlobStore;
  /** What came before a restart is hashed anew, from the file. */
  readonly #hashed = new Map<string, Progress>();

  private constructor(folder: string, blobs: DiskBlobStore) {
    this.#folder = folder;
    this.#blobs = blobs;
  }

  /** @param root of `blobs` */
  static async open(root: string, blobs: DiskBlobStore): Promise<DiskUploads> {
    const folder = join(root, 'blobs', 'uploads');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new DiskUploads(folder, blobs);
  }

  async create(id: string): Promise<void> {
    await writeFile(this.#path(id), '', { flag: 'wx', mode: 0o600 });
    this.#hashed.set(id, { hash: createHash('sha256'), size: 0 });
  }

  async size(id: string): Promise<number | undefined> {
    try {
      return (await stat(this.#path(id))).size;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async append(id: string, source: AsyncIterable<Uint8Array>, limit = Infinity): Promise<number> {
    const path = this.#path(id);
    const before = (await stat(path)).size;
    const progress = this.#hashed.get(id);
    if (progress?.size !== before) this.#hashed.delete(id);
    const file = await open(path, 'r+');
    let at = before;
    try {
      for await (const chunk of source) {
        if (at - before + chunk.length > limit) throw tooLong(limit);
        for (let rest = chunk; rest.length > 0;) {
          const { bytesWritten } = await file.write(rest, 0, rest.length, at);
          const taken = rest.subarray(0, bytesWritten);
          at += bytesWritten;
          this.#saw(id, taken, at);
          rest = rest.subarray(bytesWritten);
        }
      }
      return at;
    } catch (error) {
      if (isTooLong(error)) await this.#cut(id, before);
      throw error;
    } finally {
      await file.close();
    }
  }

  async digest(id: string): Promise<Digest> {
    const size = (await stat(this.#path(id))).size;
    const known = this.#hashed.get(id);
    if (known?.size === size) return parseDigest(`sha256:${known.hash.copy().digest('hex')}`);
    const hash = await hashOf(this.#path(id), 'sha256');
    this.#hashed.set(id, { hash, size });
    return parseDigest(`sha256:${hash.copy().digest('hex')}`);
  }

  async commit(id: string, expected: UploadExpectation): Promise<BlobInfo> {
    const digest = await this.digest(id);
    const [algorithm = ''] = expected.digest.split(':');
    const found =
      algorithm === 'sha256'
        ? digest
        : `${algorithm}:${(await hashOf(this.#path(id), algorithm)).digest('hex')}`;
    if (found !== expected.digest)
      throw invalid(
        'blob-digest-mismatch',
        `storing blob ${expected.digest}: the content has the digest ${found}`,
        { hint: 'the content was damaged or changed on its way; send it again' },
      );
    const info = await this.#blobs.adopt(this.#path(id), digest);
    this.#hashed.delete(id);
    return info;
  }

  async remove(id: string): Promise<void> {
    this.#hashed.delete(id);
    await rm(this.#path(id), { force: true });
  }

  list(): Promise<string[]> {
    return readdir(this.#folder);
  }

  #saw(id: string, chunk: Uint8Array, size: number): void {
    const progress = this.#hashed.get(id);
    if (progress === undefined) return;
    progress.hash.update(chunk);
    progress.size = size;
  }

  async #cut(id: string, size: number): Promise<void> {
    this.#hashed.delete(id);
    await truncate(this.#path(id), size);
  }

  #path(id: string): string {
    if (!/^[0-9a-f]{16,64}$/.test(id))
      throw invalid('upload-id-invalid', `'${id}' is not the id of an upload`);
    return join(this.#folder, id);
  }
}

async function hashOf(path: string, algorithm: string): Promise<Hash> {
  const hash = createHash(algorithm);
  await pipeline(
    createReadStream(path, { highWaterMark: 1024 * 1024 }),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) hash.update(chunk);
    },
  );
  return hash;
}

function tooLong(limit: number): Error {
  return invalid('upload-too-long', `found more than the ${limit} bytes that the request announced`);
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'upload-too-long';
}
