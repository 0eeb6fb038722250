import { linkSync, mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '#base/errors.ts';
import type { KeptContext } from '#ports/build-sessions.ts';
import type { FileStat } from './received-tree.ts';

/** Of how many folders of clients the files are kept. */
const mostFolders = 16;

/** More files than these are not kept: their names fill memory. */
const mostFiles = 100_000;

interface Kept {
  name: string;
  size: number;
  modTime: number;
  mode: number;
}

/**
 * The files that a client sent last, so that it need not send again what has the same size, time and mode: what BuildKit
 * compares too. They are further names of the files that builds got; nobody writes to those.
 */
export class KeptFiles {
  readonly id: string;
  readonly #folder: string;
  #files = new Map<string, Kept>();
  #next = 0;
  /** Milliseconds since 1970. */
  touched = Date.now();

  constructor(root: string, id: string) {
    this.id = id;
    this.#folder = join(root, id);
  }

  /** Bytes. */
  get size(): number {
    return [...this.#files.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Whether the file is at `path` now. */
  restore(stat: FileStat, path: string): boolean {
    const kept = this.#files.get(stat.path);
    if (kept === undefined || !isSame(kept, stat)) return false;
    try {
      linkSync(join(this.#folder, kept.name), path);
      return true;
    } catch (error) {
      // Someone removed it, or it has too many names.
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'EMLINK') return false;
      throw error;
    }
  }

  /** From now on these, and no others. */
  keep(root: string, files: ReadonlyMap<string, FileStat>): void {
    const before = this.#files;
    this.#files = new Map();
    if (files.size > mostFiles) return;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    for (const [path, stat] of files) {
      const kept = before.get(path);
      if (kept !== undefined && isSame(kept, stat)) {
        this.#files.set(path, kept);
        before.delete(path);
      } else this.#add(join(root, path), stat);
    }
    for (const { name } of before.values()) rmSync(join(this.#folder, name), { force: true });
  }

  async remove(): Promise<void> {
    this.#files.clear();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #add(path: string, { path: key, size, modTime, mode }: FileStat): void {
    const name = String(this.#next++);
    linkSync(path, join(this.#folder, name));
    this.#files.set(key, { name, size, modTime, mode });
  }
}

function isSame(kept: Kept, { size, modTime, mode }: FileStat): boolean {
  return kept.size === size && kept.modTime === modTime && kept.mode === mode;
}

/** The kept files by client and folder; of the least recently used ones nothing is kept. */
export class KeptFolders {
  readonly #root: string;
  readonly #folders = new Map<string, KeptFiles>();
  readonly #busy = new Set<string>();
  #next = 0;

  /** `root`: absolute, on the file system of the builds' folders; it may be removed while the daemon is down. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Uses what is kept under the key; `work` gets nothing while another build uses it. */
  async with<T>(key: string, work: (kept: KeptFiles | undefined) => Promise<T>): Promise<T> {
    if (this.#busy.has(key)) return work(undefined);
    const kept = this.#folders.get(key) ?? new KeptFiles(this.#root, String(this.#next++));
    this.#folders.delete(key);
    this.#folders.set(key, kept);
    this.#busy.add(key);
    try {
      return await work(kept);
    } finally {
      kept.touched = Date.now();
      this.#busy.delete(key);
      await this.#trim();
    }
  }

  list(): KeptContext[] {
    return [...this.#folders].map(([key, { id, size, touched }]) => ({
      ...{ id, size, touched },
      inUse: this.#busy.has(key),
    }));
  }

  /** Keeps nothing more of those that no build uses. */
  async remove(accepts: (id: string) => boolean): Promise<void> {
    for (const [key, kept] of this.#folders) {
      if (this.#busy.has(key) || !accepts(kept.id)) continue;
      this.#folders.delete(key);
      await kept.remove();
    }
  }

  async #trim(): Promise<void> {
    for (const [key, kept] of this.#folders) {
      if (this.#folders.size <= mostFolders) return;
      if (this.#busy.has(key)) continue;
      this.#folders.delete(key);
      await kept.remove();
    }
  }
}
