import { statSync, type Stats } from 'node:fs';
import { type FileHandle, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '#base/errors.ts';
import { namesIfThere } from '#adapters/files/if-there.ts';

/** The monitor writes to the first. To begin a new one it opens the second, empties it, and renames it to the first. */
const [current, comes] = ['log', 'log.tmp'];
/** Second names, so that no file goes that the monitor puts another one in the place of: of the first, and of the second. */
const [kept, next] = ['kept', 'next'];

/**
 * The files of one container's log: `log` is written by the monitor, `log.1` is the one before, and so on. The monitor
 * begins a new one when it is told, and by itself after very many bytes; the file of before is then `kept` until `settle`.
 */
export class LogFiles {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get current(): string {
    return this.#path(current);
  }

  #path(name: string): string {
    return join(this.folder, name);
  }

  /** Numbers of the older files, the oldest (highest) first. */
  async #older(): Promise<number[]> {
    return (await namesIfThere(this.folder))
      .flatMap((name) => /^log\.(\d+)$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => b - a);
  }

  #numbered(number: number): string {
    return `${this.current}.${number}`;
  }

  /** Opens all that exist, the oldest first. The caller closes them. */
  async open(): Promise<FileHandle[]> {
    // First, so that all that were before it are among the others.
    const newest = await this.#openFile(this.current);
    const others = (await this.#older()).map((number) => this.#numbered(number));
    const files: OpenFile[] = [];
    for (const path of [...others, this.#path(kept), this.#path(next)]) {
      const file = await this.#openFile(path);
      if (file !== undefined) files.push(file);
    }
    const isKept =
      newest !== undefined &&
      files.some(({ path, inode }) => path === this.#path(kept) && inode === newest.inode);
    const isFile = ({ path, inode }: OpenFile): boolean =>
      inode !== newest?.inode && !(isKept && path === this.#path(next));
    const all = [...files.filter(isFile), ...(newest === undefined ? [] : [newest])];
    const wanted = all.filter(
      ({ inode }, index) => all.findIndex((other) => other.inode === inode) === index,
    );
    await Promise.all(
      [...files].filter((file) => !wanted.includes(file)).map(({ handle }) => handle.close()),
    );
    return wanted.map(({ handle }) => handle);
  }

  async #openFile(path: string): Promise<OpenFile | undefined> {
    const handle = await openIfThere(path);
    return handle && { path, handle, inode: (await handle.stat()).ino };
  }

  /**
   * The file that follows `handle`; undefined while that one is the newest. When it returns one, nothing more will be
   * written to `handle`. Not found any more: the oldest there is.
   */
  async openAfter(handle: FileHandle | undefined): Promise<FileHandle | undefined> {
    const inode = handle === undefined ? undefined : (await handle.stat()).ino;
    // Mostly it is the newest: those who follow ask after each change.
    if (inode !== undefined && statIfThere(this.current)?.ino === inode) return undefined;
    const candidates = await this.open();
    const inodes = await Promise.all(candidates.map(async (candidate) => (await candidate.stat()).ino));
    const own = inode === undefined ? -1 : inodes.indexOf(inode);
    const following = candidates[own + 1];
    await Promise.all(
      candidates.filter((candidate) => candidate !== following).map((other) => other.close()),
    );
    return following;
  }

  async size(): Promise<number> {
    const names = [current, kept, next, ...(await this.#older()).map((number) => `${current}.${number}`)];
    const sizes = new Map<number, number>();
    for (const name of names) {
      const file = statIfThere(this.#path(name));
      if (file !== undefined) sizes.set(file.ino, file.size);
    }
    return [...sizes.values()].reduce((total, size) => total + size, 0);
  }

  /** Whether the present file is that one, and not larger than that. */
  isWithin(inode: number, maxBytes: number): boolean {
    const present = statIfThere(this.current);
    return present?.ino === inode && present.size <= maxBytes;
  }

  /**
   * Gives files that the monitor left their numbers, the present one its second name, and makes ready the next one, whose
   * second name it has before the monitor takes it. A crash in between leaves a gap in the numbers, which is harmless.
   * @returns the present file; undefined where there is none
   */
  async settle(): Promise<{ inode: number; size: number } | undefined> {
    // Looked at first: the monitor only ever takes it away. If it is gone by now, the present file is what it became, or one after it.
    const isNextReady = statIfThere(this.#path(comes)) !== undefined;
    const present = statIfThere(this.current);
    if (present === undefined) return undefined;
    await this.#settleKept(present.ino);
    if (!isNextReady) await this.#makeNext();
    return { inode: present.ino, size: present.size };
  }

  async #settleKept(present: number): Promise<void> {
    if (statIfThere(this.#path(kept))?.ino === present) return;
    await this.#shift(kept);
    if (statIfThere(this.#path(next))?.ino === present) {
      await rename(this.#path(next), this.#path(kept));
      return;
    }
    await this.#shift(next);
    await link(this.current, this.#path(kept));
  }

  async #makeNext(): Promise<void> {
    try {
      await (await open(this.#path(next), 'a', 0o600)).close();
      await link(this.#path(next), this.#path(comes));
    } catch (error) {
      // The monitor makes one itself: right now, or when it needs one.
      if (!['EEXIST', 'ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '')) throw error;
    }
  }

  /** Makes it `log.1`, and numbers every older file one higher. */
  async #shift(name: string): Promise<void> {
    if (statIfThere(this.#path(name)) === undefined) return;
    for (const number of await this.#older())
      await rename(this.#numbered(number), this.#numbered(number + 1));
    await rename(this.#path(name), this.#numbered(1));
  }

  /** Whether there are files of before. */
  async hasOlder(): Promise<boolean> {
    return (await this.#older()).length > 0 || statIfThere(this.#path(kept)) !== undefined;
  }

  /**
   * Keeps so many files of that size, the present one among them; more where the monitor began some that are smaller.
   * @param ended bytes of the present one when the monitor was told to begin the next, which then is the present one
   */
  async drop(limits: { maxBytes: number; maxFiles: number }, ended?: number): Promise<void> {
    const { maxBytes, maxFiles } = limits;
    const most = ended === undefined ? maxFiles : maxFiles - 1;
    let newer = ended ?? 0;
    for (const number of (await this.#older()).reverse()) {
      const path = this.#numbered(number);
      if (number >= most && newer >= maxBytes * (maxFiles - 1)) await rm(path, { force: true });
      else newer += statIfThere(path)?.size ?? 0;
    }
  }

  async make(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

interface OpenFile {
  path: string;
  handle: FileHandle;
  inode: number;
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** At once: asked of every log every second, and a trip to the thread pool takes longer. */
function statIfThere(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}
