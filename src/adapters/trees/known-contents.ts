import type { Stats } from 'node:fs';
import type { Told } from './contents.ts';

/** What is known fills memory, some 300 bytes of each. */
const mostFiles = 100_000;
/** A file that changed so shortly before it was read may change again and have the same times. Milliseconds. */
const tooYoung = 2000;

type State = Pick<Stats, 'dev' | 'ino' | 'size' | 'mtimeMs' | 'ctimeMs'>;

interface Known extends State {
  told: Told;
}

/** What files of folders that are built again and again had in them, as long as nothing about them changes. */
export class KnownContents {
  readonly #files = new Map<string, Known>();

  find(path: string, { dev, ino, size, mtimeMs, ctimeMs }: State): Told | undefined {
    const known = this.#files.get(path);
    return known?.ino === ino &&
      known.dev === dev &&
      known.size === size &&
      known.mtimeMs === mtimeMs &&
      known.ctimeMs === ctimeMs
      ? known.told
      : undefined;
  }

  /** @param stats of before it was read, at the time `now` */
  add(path: string, { dev, ino, size, mtimeMs, ctimeMs }: State, told: Told, now: number): void {
    this.#files.delete(path);
    if (now - Math.max(mtimeMs, ctimeMs) < tooYoung) return;
    this.#files.set(path, { dev, ino, size, mtimeMs, ctimeMs, told });
    // Those that were added first go.
    if (this.#files.size > mostFiles)
      for (const first of this.#files.keys()) return void this.#files.delete(first);
  }
}
