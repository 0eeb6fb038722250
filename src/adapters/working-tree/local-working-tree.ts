import type { Readable } from 'node:stream';
import { lstat, readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ifThere } from '#adapters/files/if-there.ts';
import type { PackedPath, PackListener, TreeListener, WorkingTree } from '#ports/working-tree.ts';
import { FolderWatcher } from './folder-watcher.ts';
import { packPaths } from './pack-paths.ts';

/** Files on this machine. */
export class LocalWorkingTree implements WorkingTree {
  async resolved(path: string): Promise<string> {
    const found = await ifThere(realpath(path));
    if (found !== undefined || path === '/') return found ?? path;
    return join(await this.resolved(dirname(path)), basename(path));
  }

  async watch(
    paths: readonly string[],
    leadsTo: (path: string) => boolean,
    listener: TreeListener,
  ): Promise<{ close: () => void }> {
    const watcher = new FolderWatcher(leadsTo, listener);
    try {
      for (const path of paths) await watcher.begin(path);
      return watcher;
    } catch (error) {
      watcher.close();
      throw error;
    }
  }

  async *list(path: string, leadsTo: (path: string) => boolean): AsyncGenerator<string, void> {
    const found = await ifThere(lstat(path));
    if (found === undefined) return;
    yield path;
    if (!found.isDirectory()) return;
    const names = (await ifThere(readdir(path))) ?? [];
    for (const child of names.sort().map((name) => join(path, name)))
      if (leadsTo(child)) yield* this.list(child, leadsTo);
  }

  async missing(paths: readonly string[]): Promise<Set<string>> {
    const gone = new Set<string>();
    for (const path of paths) if ((await ifThere(lstat(path))) === undefined) gone.add(path);
    return gone;
  }

  pack(paths: readonly PackedPath[], listener: PackListener): Readable {
    return packPaths(paths, listener);
  }
}
