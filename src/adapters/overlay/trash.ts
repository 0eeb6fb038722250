import { randomUUID } from 'node:crypto';
import { readdirSync, renameSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { bytes } from '#adapters/files/byte-path.ts';
import { removeSmallTree } from '#adapters/overlay/remove-tree.ts';

/** With so many removals of small folders under way, the next ones wait: what is thrown away faster than it can be removed fills the disk. */
const most = 32;
/** With less room than this, removal is urgent and waited for: the next one may need it at once. */
const roomy = { bytes: 2 * 1024 ** 3, share: 0.1 };

/** `urgent`: not only when nobody else wants the processor. */
type Remove = (folder: string, urgent: boolean) => Promise<void>;

/** Where folders go that nobody needs any more, to be removed in the background. */
export class Trash {
  readonly #place: string;
  readonly #removeLarge: Remove;
  readonly #removals = new Set<Promise<void>>();
  #small = 0;
  #isStopped = false;

  /**
   * @param place an existing folder on the same file system; what a crash leaves in it, the next start removes
   * @param removeLarge removes a folder of many files, or a part of it when it is to stop
   */
  constructor(place: string, removeLarge: Remove) {
    this.#place = place;
    this.#removeLarge = removeLarge;
  }

  /** Returns as soon as the folder has left its place. */
  async take(folder: string): Promise<void> {
    const at = this.#move(folder);
    this.#small++;
    const removal = this.#begin(removeSmallTree(bytes(at), () => this.#isStopped)).finally(
      () => this.#small--,
    );
    if (this.#small > most) await removal;
  }

  /** As `take`, of a folder with many files; where the disk has little room, returns when there is more. */
  async takeLarge(folder: string): Promise<void> {
    const isUrgent = !this.#isRoomy();
    const removal = this.#begin(this.#removeLarge(this.#move(folder), isUrgent));
    if (isUrgent) await removal;
  }

  /** Begins to remove what an earlier life left. */
  empty(): void {
    const isUrgent = !this.#isRoomy();
    for (const name of readdirSync(this.#place))
      void this.#begin(this.#removeLarge(join(this.#place, name), isUrgent));
  }

  /** What is not removed yet is left to the next start, but for what `removeLarge` goes on with. */
  stop(): void {
    this.#isStopped = true;
  }

  async settled(): Promise<void> {
    await Promise.all(this.#removals);
  }

  #move(folder: string): string {
    const at = join(this.#place, randomUUID());
    renameSync(folder, at);
    return at;
  }

  #isRoomy(): boolean {
    const { bavail, blocks, bsize } = statfsSync(this.#place);
    return bavail * bsize >= roomy.bytes && bavail >= blocks * roomy.share;
  }

  #begin(removing: Promise<void>): Promise<void> {
    // What cannot be removed now, the next start tries again.
    const removal = removing.catch(() => undefined);
    this.#removals.add(removal);
    void removal.then(() => this.#removals.delete(removal));
    return removal;
  }
}
