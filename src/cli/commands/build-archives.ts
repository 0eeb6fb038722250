import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { unavailable } from '#base/errors.ts';

interface Archive {
  file: FileHandle;
  partial: string;
  path: string;
}

/** The archives that a build sends, into their files; each appears whole, or not at all. */
export class BuildArchives {
  readonly #paths: readonly (string | undefined)[];
  readonly #open = new Map<number, Archive>();

  /** `paths`: of each output where it goes, `-` for standard output. */
  constructor(paths: readonly (string | undefined)[]) {
    this.#paths = paths;
  }

  async write({ index, data }: { index: number; data: string }): Promise<void> {
    const path = this.#paths[index];
    if (path === undefined)
      throw unavailable('output-unknown', `the daemon sends an output ${index} that was not asked for`);
    const piece = Buffer.from(data, 'base64');
    if (path === '-') await toStdout(piece);
    else await (await this.#archive(index, path)).file.write(piece);
  }

  /** All have come. */
  async finish(): Promise<void> {
    for (const [index, { file, partial, path }] of this.#open) {
      await file.close();
      await rename(partial, path);
      this.#open.delete(index);
    }
  }

  /** Removes what has not come whole. */
  async close(): Promise<void> {
    for (const { file, partial } of this.#open.values()) {
      await file.close();
      await rm(partial, { force: true });
    }
    this.#open.clear();
  }

  async #archive(index: number, path: string): Promise<Archive> {
    const known = this.#open.get(index);
    if (known !== undefined) return known;
    const partial = `${path}.partial`;
    const archive = { file: await open(partial, 'w'), partial, path };
    this.#open.set(index, archive);
    return archive;
  }
}

function toStdout(piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) =>
    process.stdout.write(piece, (error) => (error ? reject(error) : resolve())),
  );
}
