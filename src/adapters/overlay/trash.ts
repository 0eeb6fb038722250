import { randomUUID } from 'node:crypto';
import { renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

/** With so many removals under way, the next ones wait: what is thrown away faster than it can be removed fills the disk. */
const most = 32;

/** Where folders go that nobody needs any more, to be removed in the background. */
export class Trash {
  readonly #place: string;
  readonly #removals = new Set<Promise<void>>();

  /** @param place an existing folder on the same file system; what a crash leaves in it, the next start removes */
  constructor(place: string) {
    this.#place = place;
  }

  /** Returns as soon as the folder has left its place. */
  async take(folder: string): Promise<void> {
    const at = join(this.#place, randomUUID());
    renameSync(folder, at);
    // What cannot be removed now, the next start tries again.
    const removal = rm(at, { recursive: true, force: true }).catch(() => undefined);
    this.#removals.add(removal);
    void removal.then(() => this.#removals.delete(removal));
    if (this.#removals.size > most) await removal;
  }

  async settled(): Promise<void> {
    await Promise.all(this.#removals);
  }
}
