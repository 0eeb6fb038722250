import type { ByteReader } from '#base/byte-reader.ts';
import { internal } from '#base/errors.ts';
import { WorkerPool } from '#adapters/files/worker-pool.ts';
import type { TarRules, TreeJob, TreeResult, Unpacked, UnpackRules } from '#adapters/overlay/tree-jobs.ts';
import type { Change } from '#ports/snapshotter.ts';

/** The worker threads of the snapshotter. */
export class TreePool {
  readonly #workers: WorkerPool<TreeJob, TreeResult>;
  /** Shared with the workers, as one in the middle of a removal hears no message. */
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));

  /** At most `limit` jobs run at once; the others wait. */
  constructor(limit: number) {
    this.#workers = new WorkerPool(new URL('./tree-worker.ts', import.meta.url), limit);
  }

  /** Unpacks a layer tar, plain or compressed with gzip or zstd, into an existing folder. @param rules mappings must have an id for every owner */
  async unpack(
    folder: string,
    layer: AsyncIterable<Uint8Array> | ByteReader,
    rules: UnpackRules,
  ): Promise<Unpacked> {
    const result = await this.#workers.feed({ do: 'unpack', folder, ...rules }, layer);
    if (result?.of !== 'unpack') throw unexpected(result);
    return result.unpacked;
  }

  /** The tar of an upper directory, made as it is read; `onSize` is told at its end what its files hold, in bytes. */
  tar(upper: string, rules: TarRules, onSize: (size: number) => void): ByteReader {
    return this.#workers.read({ do: 'tar', upper, ...rules }, (result) => {
      if (result?.of === 'size') onSize(result.size);
    });
  }

  async changes(upper: string, lower: string): Promise<Change[]> {
    const result = await this.#workers.do({ do: 'changes', upper, lower });
    if (result?.of !== 'changes') throw unexpected(result);
    return result.changes;
  }

  async size(folder: string): Promise<number> {
    const result = await this.#workers.do({ do: 'size', folder });
    if (result?.of !== 'size') throw unexpected(result);
    return result.size;
  }

  async remove(folder: string): Promise<void> {
    await this.#workers.do({ do: 'remove', folder, last: false, stop: this.#stop });
  }

  /** As `remove`, when nobody else wants a processor: only for a pool that does nothing else. */
  async removeLast(folder: string): Promise<void> {
    await this.#workers.do({ do: 'remove', folder, last: true, stop: this.#stop });
  }

  /** Removals end soon, and leave what they have not come to; those that wait leave all. */
  stopRemovals(): void {
    Atomics.store(this.#stop, 0, 1);
  }

  /** Ends the idle workers; those in work end when they are idle. */
  close(): Promise<void> {
    return this.#workers.close();
  }
}

function unexpected(result: TreeResult | undefined): Error {
  return internal('layer-worker-confused', `a worker answered '${result?.of ?? ''}' to another job`);
}
