import { statSync, type Stats } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '#base/errors.ts';
import { namesIfThere } from '#adapters/files/if-there.ts';

const current = 'log';

/**
 * The files of one container's log: `log` is written by the monitor, `log.1` is the one before, and so on. A file
 * that was renamed is still written until the monitor has opened a new `log`.
 */
export class LogFiles {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get current(): string {
    return join(this.folder, current);
  }

  /** Numbers of the older files, the oldest (highest) first. */
  async #older(): Promise<number[]> {
    return (await namesIfThere(this.folder))
      .flatMap((name) => /^log\.(\d+)$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => b - a);
  }

  async #paths(): Promise<string[]> {
    const older = await this.#older();
    return [...older.map((number) => this.#numbered(number)), this.current];
  }

  #numbered(number: number): string {
    return `${this.current}.${number}`;
  }

  /** Opens all that exist, the oldest first. The caller closes them. */
  async open(): Promise<FileHandle[]> {
    const handles: FileHandle[] = [];
    for (const path of await this.#paths()) {
      const handle = await openIfThere(path);
      if (handle !== undefined) handles.push(handle);
    }
    return handles;
  }

  /**
   * The file that follows `handle`; undefined while that one is the newest. When it returns one, nothing more will be
   * written to `handle`. Not found any more: the oldest there is.
   */
  async openAfter(handle: FileHandle | undefined): Promise<FileHandle | undefined> {
    const inode = handle === undefined ? undefined : (await handle.stat()).ino;
    // Mostly it is the newest: those who follow ask after each change.
    if (inode !== undefined && (await statIfThere(this.current))?.ino === inode) return undefined;
    const candidates = await this.open();
    const inodes = await Promise.all(candidates.map(async (candidate) => (await candidate.stat()).ino));
    const own = inode === undefined ? -1 : inodes.indexOf(inode);
    const next = candidates[own + 1];
    await Promise.all(candidates.filter((candidate) => candidate !== next).map((other) => other.close()));
    return next;
  }

  async size(): Promise<number> {
    const sizes = await Promise.all((await this.#paths()).map(sizeOf));
    return sizes.reduce((total, size) => total + size, 0);
  }

  /** Whether there is a present file that is not empty, and not larger than that. */
  isWithin(maxBytes: number): boolean {
    const size = statSync(this.current, { throwIfNoEntry: false })?.size ?? 0;
    return size > 0 && size <= maxBytes;
  }

  /** Whether there is a present file larger than that; a missing one is to be opened anew. */
  async needsRotation(maxBytes: number): Promise<boolean> {
    const size = await sizeOf(this.current);
    if (size > 0) return size > maxBytes;
    // A crash between the renaming and the reopening: the monitor still writes to an older file.
    return !(await exists(this.current)) && (await this.#older()).length > 0;
  }

  /** Numbers every file one higher. A crash in between leaves a gap, which is harmless. */
  async shift(): Promise<void> {
    if (!(await exists(this.current))) return;
    for (const number of await this.#older())
      await rename(this.#numbered(number), this.#numbered(number + 1));
    await rename(this.current, this.#numbered(1));
  }

  /** Keeps so many files, the present one among them. */
  async drop(maxFiles: number): Promise<void> {
    const surplus = (await this.#older()).filter((number) => number >= maxFiles);
    await Promise.all(surplus.map((number) => rm(this.#numbered(number), { force: true })));
  }

  async make(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await statIfThere(path))?.size ?? 0;
}

async function exists(path: string): Promise<boolean> {
  return (await statIfThere(path)) !== undefined;
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
