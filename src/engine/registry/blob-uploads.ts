import { newId } from '#base/ids.ts';
import { BerthError, conflict, invalid, notFound } from '#base/errors.ts';
import { KeyedMutex } from '#base/mutex.ts';
import type { ByteRange } from '#domain/registry/ranges.ts';
import type { ContentDigest } from '#domain/registry/names.ts';
import type { LinkRecord } from '#engine/registry/content.ts';
import type { RegistryParts } from '#engine/registry/parts.ts';
import type { Collection } from '#ports/state-store.ts';

interface UploadRecord {
  repository: string;
  by: string;
  /** Milliseconds since 1970, of the last time that something came. */
  touched: number;
}

/** Whose upload is asked for: others' do not exist. */
export interface UploadKey {
  id: string;
  repository: string;
  by: string;
}

export interface Chunk {
  content: AsyncIterable<Uint8Array>;
  /** Where it belongs, when the client says so. */
  range?: ByteRange;
  /** Bytes, when the client says so. */
  length?: number;
  /** Ends it from outside: a client that sends the next chunk has given this one up. */
  cut: () => void;
}

/** Blobs on their way in, piece by piece; they can be gone on with after the client or the daemon ended. */
export class BlobUploads {
  readonly #parts: RegistryParts;
  readonly #records: Collection<UploadRecord>;
  readonly #open: Map<string, UploadRecord>;
  readonly #locks = new KeyedMutex();
  readonly #coming = new Map<string, Chunk>();

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#records = parts.store.collection<UploadRecord>('registry-uploads');
    this.#open = new Map(this.#records.entries());
  }

  get count(): number {
    return this.#open.size;
  }

  /** Those that are not finished, with the bytes that are there, and when something came last (milliseconds since 1970). */
  async list(): Promise<
    (Pick<UploadRecord, 'repository' | 'touched'> & { id: string; size: number; inUse: boolean })[]
  > {
    const sized = [...this.#open].map(async ([id, { repository, touched }]) => ({
      ...{ id, repository, touched, inUse: this.#locks.isHeld(id) },
      size: (await this.#parts.uploads.size(id)) ?? 0,
    }));
    return Promise.all(sized);
  }

  /** Joins records and files after a crash: one without the other is of no use. */
  async recover(): Promise<void> {
    const files = new Set(await this.#parts.uploads.list());
    for (const id of files) if (!this.#open.has(id)) await this.#parts.uploads.remove(id);
    for (const id of [...this.#open.keys()]) if (!files.has(id)) this.#forget(id);
  }

  async begin(repository: string, by: string): Promise<string> {
    const id = newId();
    // The record first: a file without one is removed by the next start, in the middle of a push otherwise.
    const record = { repository, by, touched: this.#parts.clock.now() };
    this.#records.put(id, record);
    this.#open.set(id, record);
    try {
      await this.#parts.uploads.create(id);
    } catch (error) {
      this.#forget(id);
      throw error;
    }
    return id;
  }

  /** Bytes so far. @throws not-found `registry-upload-unknown` */
  size(key: UploadKey): Promise<number> {
    return this.#size(key);
  }

  /**
   * Adds a chunk; gives the size so far. Of a chunk whose connection broke stays what came.
   * @throws conflict `registry-range-mismatch` when it does not begin where the last one ended; invalid
   *   `registry-size-mismatch`; not-found `registry-upload-unknown`
   */
  async append(key: UploadKey, chunk: Chunk): Promise<number> {
    await this.#size(key);
    this.#coming.get(key.id)?.cut();
    return this.#locks.run(key.id, () => this.#append(key, chunk, this.#parts.rules.room(key.repository)));
  }

  /** Adds a last chunk and makes it a blob of the repository. @throws as `append`; invalid `registry-digest-mismatch` */
  async finish(key: UploadKey, digest: ContentDigest, chunk: Chunk | undefined): Promise<LinkRecord> {
    await this.#size(key);
    this.#coming.get(key.id)?.cut();
    return this.#locks.run(key.id, async () => {
      const { content, rules } = this.#parts;
      // What the repository has already takes no more room.
      const known = content.link(key.repository, digest)?.size ?? 0;
      if (chunk === undefined) await this.#size(key);
      else await this.#append(key, chunk, Math.max(known, rules.room(key.repository)));
      try {
        return await this.#commit(key, digest);
      } catch (error) {
        if (!(error instanceof BerthError) || error.code !== 'blob-digest-mismatch') throw error;
        await this.#remove(key.id);
        throw invalid('registry-digest-mismatch', error.message, { cause: error });
      }
    });
  }

  /** @throws not-found `registry-upload-unknown` */
  cancel(key: UploadKey): Promise<void> {
    return this.#locks.run(key.id, async () => {
      await this.#size(key);
      await this.#remove(key.id);
    });
  }

  /** Those that nothing came for since `before`, in milliseconds since 1970. */
  expired(before: number): string[] {
    return [...this.#open].flatMap(([id, { touched }]) => (touched < before ? [id] : []));
  }

  expire(id: string, before: number): Promise<void> {
    return this.#locks.run(id, async () => {
      if ((this.#open.get(id)?.touched ?? before) < before) await this.#remove(id);
    });
  }

  async #size({ id, repository, by }: UploadKey): Promise<number> {
    const record = this.#open.get(id);
    const size =
      record?.repository === repository && record.by === by ? await this.#parts.uploads.size(id) : undefined;
    if (size !== undefined) return size;
    throw notFound('registry-upload-unknown', `there is no such upload in the repository '${repository}'`, {
      hint: 'begin a new one: it was finished, cancelled or nothing came for too long',
    });
  }

  /** @param room bytes that the whole upload may have */
  async #append(key: UploadKey, chunk: Chunk, room: number): Promise<number> {
    const { range, length } = chunk;
    const size = await this.#size(key);
    if (range !== undefined && range.start !== size)
      throw conflict(
        'registry-range-mismatch',
        `the chunk begins at byte ${range.start}; required is ${size}, where the last one ended`,
      );
    const announced = range === undefined ? length : range.end - range.start + 1;
    if (length !== undefined && announced !== length)
      throw invalid(
        'registry-size-mismatch',
        `the chunk's Content-Range is ${announced ?? 0} bytes long, its Content-Length ${length}`,
      );
    const { rules } = this.#parts;
    if (size + (announced ?? 0) > room) rules.requireRoom(key.repository, size + (announced ?? 0));
    const grown = await this.#receive(key, chunk, announced ?? room - size).catch((error: unknown) => {
      if (announced === undefined && isTooLong(error)) rules.requireRoom(key.repository, room + 1);
      throw error;
    });
    if (announced !== undefined && grown - size !== announced)
      throw invalid(
        'registry-size-mismatch',
        `the chunk ended after ${grown - size} bytes; ${announced} were announced`,
      );
    return grown;
  }

  #receive({ id }: UploadKey, chunk: Chunk, limit: number): Promise<number> {
    this.#touch(id);
    this.#coming.set(id, chunk);
    return this.#parts.uploads.append(id, chunk.content, limit).finally(() => {
      this.#coming.delete(id);
      this.#touch(id);
    });
  }

  async #commit({ id, repository }: UploadKey, digest: ContentDigest): Promise<LinkRecord> {
    const { uploads, care, content, clock, rules } = this.#parts;
    const blob = await uploads.digest(id);
    return care.ingest(async (lease) => {
      await lease.hold(blob);
      const { size } = await uploads.commit(id, { digest });
      this.#forget(id);
      // Others may have come meanwhile. Nothing can between this look and the save.
      if (content.link(repository, digest) === undefined) rules.requireRoom(repository, size);
      const link = { repository, digest, blob, size, since: clock.timestamp() };
      content.save({ links: [link] });
      return link;
    });
  }

  async #remove(id: string): Promise<void> {
    await this.#parts.uploads.remove(id);
    this.#forget(id);
  }

  #touch(id: string): void {
    const record = this.#open.get(id);
    if (record === undefined) return;
    const touched = { ...record, touched: this.#parts.clock.now() };
    this.#open.set(id, touched);
    this.#records.note(id, touched);
  }

  #forget(id: string): void {
    this.#records.delete(id);
    this.#open.delete(id);
  }
}

function isTooLong(error: unknown): boolean {
  return error instanceof BerthError && error.code === 'upload-too-long';
}
