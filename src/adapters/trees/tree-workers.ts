import { setImmediate } from 'node:timers/promises';
import { bytes } from '#adapters/files/byte-path.ts';
import { WorkerPool } from '#adapters/files/worker-pool.ts';
import { tellContents, type Told } from './contents.ts';
import { entriesOf } from './entry-batch.ts';
import { extractFiles, type Extraction } from './extract.ts';
import { batchOf } from './extraction-batch.ts';
import type { PackedEntry } from '#ports/packed-files.ts';
import type { TreesJob, TreesResult } from './tree-worker-jobs.ts';

/** Up to this much is done at once: a worker that has to start first would take longer. */
export const littleWork = 1024 * 1024;
const fewFiles = 64;
/** At most so many files go to a worker at once. */
const mostFiles = 4000;
const workers = 2;

/** Threads for what touches many files. Paths are byte strings. */
export class TreeWorkers {
  readonly #pool: WorkerPool<TreesJob, TreesResult>;

  constructor() {
    this.#pool = new WorkerPool(new URL('./archive-worker.ts', import.meta.url), workers);
  }

  /** Keeps a plain tar archive in a new file; gives its index where it has one. @throws invalid `layer-corrupt` */
  async receive(archive: string, chunks: AsyncIterable<Uint8Array>): Promise<PackedEntry[] | undefined> {
    const result = await this.#pool.feed({ do: 'receive', archive: bytes(archive) }, chunks);
    return result?.of === 'entries' && result.batch !== undefined ? entriesOf(result.batch) : undefined;
  }

  /** Writes files into folders that are there. @param archive where those lie that say of no other file where they come from */
  async extract(items: Extraction[], archive?: string): Promise<void> {
    const from = archive === undefined ? undefined : bytes(archive);
    if (isLittle(items)) extractFiles(from, items);
    else
      await this.#shared(items, (part) =>
        this.#pool.do({ do: 'extract', archive: from, batch: batchOf(part) }),
      );
  }

  /** What digests tell of the contents of files, in their order. */
  async tell(files: readonly { path: string; size: number }[]): Promise<Told[]> {
    if (isLittle(files)) return tellContents(files.map(({ path }) => path));
    const parts = await this.#shared(files, (part) =>
      this.#pool.do({ do: 'tell', paths: part.map(({ path }) => path).join('\0') }),
    );
    return parts.flatMap((result) => (result?.of === 'told' ? result.told.split('\0') : []));
  }

  /** Waits for all parts, also when one fails. */
  async #shared<T>(
    items: readonly T[],
    work: (part: T[]) => Promise<TreesResult | undefined>,
  ): Promise<(TreesResult | undefined)[]> {
    const each = Math.min(mostFiles, Math.ceil(items.length / workers));
    const parts: Promise<TreesResult | undefined>[] = [];
    for (let at = 0; at < items.length; at += each) {
      const part = work(items.slice(at, at + each));
      // Awaited below; until then a failure must not count as unhandled.
      part.catch(() => undefined);
      parts.push(part);
      await setImmediate();
    }
    await Promise.allSettled(parts);
    return Promise.all(parts);
  }
}

function isLittle(files: readonly { size: number }[]): boolean {
  return files.length <= fewFiles && files.reduce((sum, { size }) => sum + size, 0) <= littleWork;
}
