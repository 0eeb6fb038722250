import type { FileTrees } from '#ports/file-trees.ts';

/** The private folders of one build, which end with it. */
export class BuildFolders {
  readonly #trees: Pick<FileTrees, 'createFolder' | 'removeFolder'>;
  readonly #id: string;
  readonly #names = new Set<string>();
  /** Those with the files of contexts that came from elsewhere, by the names of the contexts; '' is the main one. */
  readonly received = new Map<string, string>();

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

  /** At once, or in the background when somebody has looked at them. */
  async closeAfter(
    looking: Promise<void> | undefined,
    report: (problem: string, error: unknown) => void,
  ): Promise<void> {
    if (looking === undefined) return this.close();
    const close = (): Promise<void> => this.close();
    looking
      .then(close, close)
      .catch((error: unknown) => report('the folders of a build could not be removed', error));
  }

  async close(): Promise<void> {
    for (const name of this.#names) await this.remove(name);
  }
}
