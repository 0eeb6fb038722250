import type { FileTrees } from '#ports/file-trees.ts';

/** The private folders of one build, which end with it. */
export class BuildFolders {
  readonly #trees: Pick<FileTrees, 'createFolder' | 'removeFolder'>;
  readonly #id: string;
  readonly #names = new Set<string>();

  /** `id` begins their names. */
  constructor(trees: Pick<FileTrees, 'createFolder' | 'removeFolder'>, id: string) {
    this.#trees = trees;
    this.#id = id;
  }

  /** Made, unless it is there. */
  create(name: string): Promise<string> {
    this.#names.add(name);
    return this.#trees.createFolder(`${this.#id}-${name}`);
  }

  /** Idempotent. */
  async remove(name: string): Promise<void> {
    await this.#trees.removeFolder(`${this.#id}-${name}`);
    this.#names.delete(name);
  }

  async close(): Promise<void> {
    for (const name of this.#names) await this.remove(name);
  }
}
