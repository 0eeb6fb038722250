import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeptContext } from '#ports/build-sessions.ts';
import type { PackedEntry } from '#ports/packed-files.ts';
import type { FileStat } from './messages.ts';
import { Pack } from './pack.ts';

/** Of how many folders of clients the files are kept, and of how many files in all: what is known of them fills memory. */
const mostFolders = 16;
const mostFiles = 200_000;

/** A file that no build saw for so many builds of its folder is gone at the client's. */
const longestUnseen = 8;

/** What of a pack may be of no use, in bytes, beside as many as are: then another one is begun. */
const mostUseless = 16 * 1024 * 1024;

/** A file with what its client said of it: bytes, nanoseconds since 1970, bits of Go's os.FileMode. */
export interface KeptFile extends Pick<FileStat, 'size' | 'modTime' | 'mode'> {
  entry: PackedEntry;
  /** The number of the build that saw it last. */
  seen: number;
}

/** One use of what is kept of a folder. */
export interface KeptUse {
  pack: Pack;
  /** What was kept of the file, unless it has another size, time or mode now: what BuildKit compares too. */
  find(stat: FileStat): KeptFile | undefined;
  /** Has these for the next time. */
  keep(files: readonly KeptFile[]): void;
  /** Idempotent. */
  release(): Promise<void>;
}

/** The files that a client sent of one folder, so that it need not send again what did not change. Any number of builds use it at once. */
class KeptFolder {
  readonly id: string;
  #pack: Pack;
  readonly #files = new Map<string, KeptFile>();
  /** Bytes of those. */
  #live = 0;
  #builds = 0;
  users = 0;
  /** Milliseconds since 1970. */
  touched = Date.now();

  constructor(id: string, pack: Pack) {
    this.id = id;
    this.#pack = pack;
  }

  /** Bytes. */
  get size(): number {
    return this.#pack.size;
  }

  get count(): number {
    return this.#files.size;
  }

  /** Most of the pack is of no use any more. */
  get isSpent(): boolean {
    return this.size > 2 * this.#live + mostUseless;
  }

  use(): Omit<KeptUse, 'release'> {
    const pack = this.#pack;
    pack.hold();
    return {
      pack,
      find: (stat) => {
        const kept = this.#files.get(stat.path);
        return kept !== undefined && isSame(kept, stat) ? kept : undefined;
      },
      keep: (now) => this.#keep(now),
    };
  }

  remove(): Promise<void> {
    return this.#pack.release();
  }

  #keep(now: readonly KeptFile[]): void {
    const seen = ++this.#builds;
    for (const file of now) {
      file.seen = seen;
      this.#files.set(file.entry.path, file);
    }
    this.#live = 0;
    for (const [path, file] of this.#files) {
      if (file.seen <= seen - longestUnseen) this.#files.delete(path);
      else this.#live += file.entry.size;
    }
    if (this.#files.size > mostFiles) this.#files.clear();
  }
}

function isSame(kept: KeptFile, { size, modTime, mode }: FileStat): boolean {
  return kept.size === size && kept.modTime === modTime && kept.mode === mode;
}

/** The kept files by client and folder; of the least recently used ones nothing is kept. */
export class KeptPacks {
  readonly #root: string;
  readonly #folders = new Map<string, KeptFolder>();
  #next = 0;

  /** `root`: absolute, on the file system of the builds' folders; it may be removed while the daemon is down. */
  constructor(root: string) {
    this.#root = root;
  }

  /** What is kept under the key. Without one nothing is kept when the use ends. */
  async use(key: string): Promise<KeptUse> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    const folder = this.#folder(key);
    const use = folder.use();
    folder.users++;
    let isReleased = false;
    const release = async (): Promise<void> => {
      if (isReleased) return;
      isReleased = true;
      folder.users--;
      folder.touched = Date.now();
      await use.pack.release();
      if (key === '') await folder.remove();
      else await this.#trim();
    };
    return { ...use, release };
  }

  list(): KeptContext[] {
    return [...this.#folders.values()].map(({ id, size, touched, users }) => ({
      ...{ id, size, touched },
      inUse: users > 0,
    }));
  }

  /** Keeps nothing more of those that no build uses. */
  async remove(accepts: (id: string) => boolean): Promise<void> {
    for (const [key, folder] of this.#folders) if (accepts(folder.id)) await this.#drop(key, folder);
  }

  #folder(key: string): KeptFolder {
    const id = String(this.#next++);
    const folder = this.#folders.get(key) ?? new KeptFolder(id, new Pack(join(this.#root, `${id}.pack`)));
    if (key === '') return folder;
    // The last used are last.
    this.#folders.delete(key);
    this.#folders.set(key, folder);
    return folder;
  }

  async #trim(): Promise<void> {
    let files = [...this.#folders.values()].reduce((sum, { count }) => sum + count, 0);
    for (const [key, folder] of [...this.#folders]) {
      const tooMany = this.#folders.size > mostFolders || files > mostFiles;
      if (folder.users > 0 || !(tooMany || folder.isSpent)) continue;
      files -= folder.count;
      await this.#drop(key, folder);
    }
  }

  async #drop(key: string, folder: KeptFolder): Promise<void> {
    // Somebody else may have dropped it, and another may have its key, since the caller looked.
    if (folder.users > 0 || this.#folders.get(key) !== folder) return;
    this.#folders.delete(key);
    await folder.remove();
  }
}
