import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** So many folders wait to be taken. */
const kept = 4;
/** Milliseconds after which a taken one is replaced: not while who took it is waited for. */
const pause = 50;

/** The folders of an active snapshot, made ahead: making them takes longer than everything else about a new snapshot. */
export class SpareFolders {
  readonly #place: string;
  readonly #makeRoot: (path: string) => Promise<void>;
  readonly #ready: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #filling = Promise.resolve();

  /** @param place an existing folder for nothing else; @param makeRoot makes a folder in which a root begins */
  constructor(place: string, makeRoot: (path: string) => Promise<void>) {
    this.#place = place;
    this.#makeRoot = makeRoot;
  }

  /** A folder with `upper`, `work` and `merged` in it, the caller's from now on. */
  async take(): Promise<string> {
    const folder = this.#ready.pop() ?? (await this.#make());
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#refill(), pause).unref();
    return folder;
  }

  /** Makes no more; those that wait stay. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#filling;
  }

  #refill(): void {
    // Such as a full disk: whoever needs a folder makes one then, and is told.
    this.#filling = this.#fill().catch(() => undefined);
  }

  async #fill(): Promise<void> {
    try {
      while (this.#ready.length < kept) this.#ready.push(await this.#make());
    } finally {
      this.#timer = undefined;
    }
  }

  async #make(): Promise<string> {
    const folder = join(this.#place, randomUUID());
    await mkdir(folder, { mode: 0o755 });
    for (const name of ['upper', 'work']) await this.#makeRoot(join(folder, name));
    await mkdir(join(folder, 'merged'), { mode: 0o755 });
    return folder;
  }
}
