import { watch, type BigIntStats, type FSWatcher } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ifThere } from '#adapters/files/if-there.ts';
import { messageOf, systemCode } from '#base/errors.ts';
import type { TreeListener } from '#ports/working-tree.ts';

interface Watched {
  watcher: FSWatcher;
  /** Another folder with the same name is another folder. */
  identity: string;
}

/**
 * Watches folders and, as they come, those in them. An event only says where to look: what is there then decides, so
 * that a rename, an editor's save or a folder that comes and goes needs no rule of its own.
 */
export class FolderWatcher {
  readonly #leadsTo: (path: string) => boolean;
  readonly #listener: TreeListener;
  readonly #folders = new Map<string, Watched>();
  readonly #touched = new Set<string>();
  #isLooking = false;
  #isClosed = false;

  constructor(leadsTo: (path: string) => boolean, listener: TreeListener) {
    this.#leadsTo = leadsTo;
    this.#listener = listener;
  }

  /** From the nearest folder above the path that is there: so the path may come, go, and be replaced. */
  async begin(path: string): Promise<void> {
    for (let folder = dirname(path); ; folder = dirname(folder)) {
      const found = await ifThere(lstat(folder));
      if (found?.isDirectory() === true || folder === '/') return this.#add(folder, false);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const { watcher } of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  /** @param tell say what it holds: it is new */
  async #add(folder: string, tell: boolean): Promise<void> {
    if (this.#folders.has(folder)) return;
    const found = await ifThere(lstat(folder, { bigint: true }));
    if (found?.isDirectory() !== true || this.#isClosed || this.#folders.has(folder)) return;
    const watcher = this.#open(folder);
    if (watcher === undefined) return;
    this.#folders.set(folder, { watcher, identity: identityOf(found) });
    // After the watch began: what comes in between is told twice rather than never.
    for (const entry of await this.#entries(folder)) {
      const path = join(folder, entry.name);
      if (!this.#leadsTo(path)) continue;
      if (tell) this.#listener.changed(path, false);
      if (entry.isDirectory()) await this.#add(path, tell);
    }
  }

  #open(folder: string): FSWatcher | undefined {
    try {
      const watcher = watch(folder, (_kind, name) => {
        if (name !== null) this.#touch(join(folder, name));
      });
      return watcher.on('error', (error) => this.#cannot(folder, error));
    } catch (error) {
      this.#cannot(folder, error);
      return undefined;
    }
  }

  async #entries(folder: string) {
    try {
      return (await ifThere(readdir(folder, { withFileTypes: true }))) ?? [];
    } catch (error) {
      this.#cannot(folder, error);
      return [];
    }
  }

  #cannot(folder: string, error: unknown): void {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || this.#isClosed) return;
    const why =
      code === 'ENOSPC' || code === 'EMFILE'
        ? 'this machine allows no more watches (sysctl fs.inotify.max_user_watches, max_user_instances)'
        : messageOf(error);
    this.#listener.problem(`the folder '${folder}' is not watched: ${why}`);
  }

  #touch(path: string): void {
    if (this.#isClosed || !this.#leadsTo(path)) return;
    this.#touched.add(path);
    if (this.#isLooking) return;
    this.#isLooking = true;
    void this.#lookAtAll();
  }

  async #lookAtAll(): Promise<void> {
    for (const path of this.#touched) {
      this.#touched.delete(path);
      try {
        await this.#look(path);
      } catch (error) {
        this.#cannot(path, error);
      }
    }
    this.#isLooking = false;
  }

  async #look(path: string): Promise<void> {
    const found = await ifThere(lstat(path, { bigint: true }));
    if (this.#isClosed) return;
    const isFolder = found?.isDirectory() === true;
    const known = this.#folders.get(path);
    const isReplaced = known !== undefined && (!isFolder || known.identity !== identityOf(found));
    if (isReplaced) this.#drop(path);
    // inotify tells of a watched folder's own end by its own name: nothing of that name was ever in it.
    if (found === undefined && !isReplaced && (await ifThere(lstat(dirname(path)))) === undefined) return;
    this.#listener.changed(path, isReplaced);
    if (isFolder) await this.#add(path, true);
  }

  #drop(folder: string): void {
    for (const [path, { watcher }] of this.#folders)
      if (path === folder || path.startsWith(`${folder}/`)) {
        watcher.close();
        this.#folders.delete(path);
      }
  }
}

/** A file system gives the number of a folder that has gone to the next one at once. */
function identityOf({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino} ${birthtimeNs}`;
}
