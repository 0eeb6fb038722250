import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { constants, createZstdCompress } from 'node:zlib';
import { conflict, messageOf } from '#base/errors.ts';
import type { Digest } from '#domain/image/digest.ts';
import { formatDecimalBytes } from '#domain/units/bytes.ts';
import type { BlobCare } from '#engine/registry/parts.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { FileTrees } from '#ports/file-trees.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** Files that a client sent for a build, packed (tar, zstd). */
export interface KeptFiles {
  /** Of names, kinds, modes, owners and bytes; not of times. */
  id: string;
  /** Of the packed files. */
  digest: Digest;
  /** Bytes, packed. */
  size: number;
  /** Milliseconds since 1970: when a build was given them last. */
  used: number;
}

/** How a build can be given the files again, or why it cannot. */
export type Keeping = { kept: string } | { reason: string };

export interface KeptContextsOptions {
  blobs: Pick<BlobStore, 'write' | 'open'>;
  care: Pick<BlobCare, 'keptBy' | 'ingest' | 'release'>;
  trees: Pick<FileTrees, 'archive' | 'digest'>;
  /** A tar of all files of a folder. */
  pack: (folder: string) => Readable;
  store: Pick<StateStore, 'collection'>;
  clock: Pick<Clock, 'now'>;
  /** Bytes, packed: of all together, and of one. */
  limits: { all: () => Promise<number>; each: number };
}

const fast = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Contexts that clients sent, from which images can be built again. The same files are kept once. */
export class KeptContexts {
  readonly #options: KeptContextsOptions;
  readonly #stored: Collection<KeptFiles>;
  readonly #known: Map<string, KeptFiles>;

  constructor(options: KeptContextsOptions) {
    this.#options = options;
    this.#stored = options.store.collection('kept-contexts');
    this.#known = new Map(this.#stored.entries());
    options.care.keptBy((digest) => [...this.#known.values()].some((kept) => kept.digest === digest));
  }

  has(id: string): boolean {
    return this.#known.has(id);
  }

  list(): KeptFiles[] {
    return [...this.#known.values()];
  }

  /** Keeps the files of a folder that nobody writes to; what was kept the longest ago makes room for them. */
  async keep(folder: string, signal: AbortSignal): Promise<Keeping> {
    const { trees, limits, clock } = this.#options;
    const most = await limits.all();
    if (most === 0) return { reason: 'nothing is kept (bases.keep-contexts = 0)' };
    try {
      const id = await trees.digest({ root: folder, path: '/' }, { owners: true, signal });
      const known = this.#known.get(id);
      if (known === undefined) await this.#pack(id, folder, Math.min(most, limits.each), signal);
      else this.#put({ ...known, used: clock.now() });
      await this.#trim(most, id);
      return { kept: id };
    } catch (error) {
      signal.throwIfAborted();
      return { reason: messageOf(error) };
    }
  }

  /** A compressed tar. @throws not-found `blob-missing` */
  async open(id: string): Promise<Readable> {
    const known = this.#known.get(id);
    if (known === undefined) throw conflict('build-context-gone', 'the build context is kept no longer');
    return this.#options.blobs.open(known.digest);
  }

  /** Lets go of those that are accepted. */
  async remove(accepts: (id: string) => boolean): Promise<void> {
    const gone = this.list().filter(({ id }) => accepts(id));
    if (gone.length === 0) return;
    await this.#options.care.release(
      gone.map(({ digest }) => digest),
      () => {
        for (const { id } of gone) {
          this.#stored.delete(id);
          this.#known.delete(id);
        }
      },
    );
  }

  #put(kept: KeptFiles): void {
    this.#stored.put(kept.id, kept);
    this.#known.set(kept.id, kept);
  }

  async #pack(id: string, folder: string, most: number, signal: AbortSignal): Promise<void> {
    const { blobs, care, trees, pack, clock } = this.#options;
    await care.ingest(async (lease) => {
      const packed = createZstdCompress(fast);
      const tar = trees.archive(folder) ?? pack(folder);
      const fed = pipeline(tar, packed, { signal });
      fed.catch(() => undefined);
      const { digest, size } = await blobs.write(limited(packed, most));
      await fed;
      await lease.hold(digest);
      this.#put({ id, digest, size, used: clock.now() });
    });
  }

  /** The longest unused go, but for the one that was just kept. */
  async #trim(most: number, kept: string): Promise<void> {
    let left = this.list().reduce((sum, { size }) => sum + size, 0);
    const gone = new Set<string>();
    for (const { id, size } of this.list().sort((a, b) => a.used - b.used)) {
      if (left <= most) break;
      if (id === kept) continue;
      gone.add(id);
      left -= size;
    }
    await this.remove((id) => gone.has(id));
  }
}

/** @throws conflict `context-too-large` */
async function* limited(source: Readable, most: number): AsyncGenerator<Buffer> {
  const chunks: AsyncIterable<Buffer> = source;
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > most)
      throw conflict(
        'context-too-large',
        `packed it is larger than ${formatDecimalBytes(most)} (bases.max-context, bases.keep-contexts)`,
      );
    yield chunk;
  }
}
