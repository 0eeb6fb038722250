import { createReadStream, lstatSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { CopyRules } from '#ports/file-trees.ts';
import { bytes } from '#adapters/files/byte-path.ts';
import { decompressed } from '#adapters/files/decompress.ts';
import { ArchivedTree } from './archived-tree.ts';
import type { PackedEntry, PackedFiles } from '#ports/packed-files.ts';
import { copyArchived } from './copy-archived.ts';
import { packedTar } from './packed-tar.ts';
import { Receiving } from './receive.ts';
import { TargetFolders } from './target-folders.ts';
import { littleWork, type TreeWorkers } from './tree-workers.ts';
import { unpackTar } from './unpack.ts';

/**
 * Private folders whose files lie in the archive that was received, beside the folder, until they are needed there: most
 * builds only want to know whether a file changed, and copy each one once.
 */
export class Archives {
  readonly #trees = new Map<string, ArchivedTree>();
  /** Those whose files others packed, beside them. */
  readonly #held = new Map<string, PackedFiles>();
  readonly #unpacking = new Map<string, Promise<void>>();
  readonly #workers: TreeWorkers;

  constructor(workers: TreeWorkers) {
    this.#workers = workers;
  }

  /** Undefined where the files are in the folder. `root` is an absolute path. */
  of(root: string): ArchivedTree | undefined {
    return this.#trees.get(root);
  }

  /** The archive itself; undefined where the files are in the folder. */
  open(root: string): Readable | undefined {
    const tree = this.#trees.get(root);
    if (tree === undefined) return undefined;
    const packed = this.#held.get(root);
    return packed === undefined
      ? createReadStream(tree.archive)
      : Readable.from(packedTar(packed), { objectMode: false });
  }

  /** @throws invalid `layer-corrupt`, `layer-path-escapes` */
  async receive(tar: Readable, root: string, signal?: AbortSignal): Promise<void> {
    const archive = archiveOf(root);
    const entries = await this.#receive(archive, decompressed(tar, signal), signal);
    if (entries !== undefined) {
      this.#trees.set(root, await ArchivedTree.make(archive, entries, modeOf(root)));
      return;
    }
    await unpack(root, signal);
    await rm(archive);
  }

  async hold(root: string, packed: PackedFiles): Promise<void> {
    this.#held.set(root, packed);
    this.#trees.set(root, await ArchivedTree.make(packed.pack, packed.entries, modeOf(root)));
  }

  /** Has the files in their folder. */
  async settle(root: string): Promise<void> {
    const running = this.#unpacking.get(root);
    if (running !== undefined || !this.#trees.has(root)) return running;
    const unpacking = this.#settle(root);
    this.#unpacking.set(root, unpacking);
    return unpacking;
  }

  async copy(tree: ArchivedTree, path: string, target: TargetFolders, rules: CopyRules): Promise<void> {
    await copyArchived(tree, path, target, rules, (items) => this.#workers.extract(items, tree.archive));
  }

  async forget(root: string): Promise<void> {
    await this.#unpacking.get(root)?.catch(() => undefined);
    this.#trees.delete(root);
    await this.#held.get(root)?.release();
    this.#held.delete(root);
    await rm(archiveOf(root), { force: true });
  }

  async #receive(
    archive: string,
    chunks: AsyncGenerator<Buffer>,
    signal: AbortSignal | undefined,
  ): Promise<PackedEntry[] | undefined> {
    const { head, whole } = await beginningOf(chunks, signal);
    if (!whole) return this.#workers.receive(archive, joined(head, chunks, signal));
    const receiving = new Receiving(bytes(archive));
    try {
      for (const chunk of head) receiving.push(chunk);
      return receiving.end();
    } finally {
      receiving.close();
    }
  }

  // The archive stays: someone may be reading in it.
  async #settle(root: string): Promise<void> {
    try {
      const tree = this.#held.has(root) ? this.#trees.get(root) : undefined;
      if (tree === undefined) await unpack(root);
      else await this.copy(tree, '', new TargetFolders(bytes(root), { root }, {}), {});
      this.#trees.delete(root);
    } finally {
      this.#unpacking.delete(root);
    }
  }
}

function modeOf(folder: string): number {
  return lstatSync(folder).mode & 0o7777;
}

function archiveOf(root: string): string {
  return `${root}.tar`;
}

async function unpack(root: string, signal?: AbortSignal): Promise<void> {
  const tar = createReadStream(archiveOf(root));
  await unpackTar(tar, bytes(root), '/', signal === undefined ? {} : { signal });
}

/** What comes first, up to about `littleWork`, and whether that is all. */
async function beginningOf(
  chunks: AsyncGenerator<Buffer>,
  signal: AbortSignal | undefined,
): Promise<{ head: Buffer[]; whole: boolean }> {
  const head: Buffer[] = [];
  for (let size = 0; size < littleWork;) {
    const next = await chunks.next();
    if (next.done === true) return { head, whole: true };
    if (signal?.aborted === true) await chunks.return(undefined);
    signal?.throwIfAborted();
    head.push(next.value);
    size += next.value.length;
  }
  return { head, whole: false };
}

async function* joined(
  head: Buffer[],
  rest: AsyncGenerator<Buffer>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  try {
    yield* head;
    for await (const chunk of rest) {
      signal?.throwIfAborted();
      yield chunk;
    }
  } finally {
    await rest.return(undefined);
  }
}
