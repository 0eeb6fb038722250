import type { TargetFolders } from './target-folders.ts';

/** What has several names in the source has them in the copy. */
export class FirstNames {
  readonly #target: Pick<TargetFolders, 'seen'>;
  readonly #first = new Map<string, string>();
  /** To be made when all files are there. */
  readonly links: { from: string; to: string }[] = [];

  constructor(target: Pick<TargetFolders, 'seen'>) {
    this.#target = target;
  }

  /** Whether `to` is to be a further name of what is copied already. @param file the same for all its names; undefined: it has one */
  link(file: string | undefined, to: string): boolean {
    const from = file === undefined ? undefined : this.#first.get(file);
    // By the same mount.
    if (from !== undefined) this.links.push({ from: this.#target.seen(from), to: this.#target.seen(to) });
    else if (file !== undefined) this.#first.set(file, to);
    return from !== undefined;
  }
}
