import { copyFile, rename, stat, truncate } from 'node:fs/promises';
import { systemCode } from '#base/errors.ts';

const mostBytes = 10 * 1024 ** 2;
const kept = 3;
const lookMs = 30_000;

/**
 * Bounds the file that HAProxy writes requests into: 10 MiB, with three older ones beside it. HAProxy keeps the file
 * open for as long as it lives, so it is copied and emptied; lines of that moment may be lost.
 */
export class AccessLog {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;

  constructor(path: string, report: (problem: string, error: unknown) => void) {
    this.#path = path;
    this.#timer = setInterval(() => {
      this.rotate().catch((error: unknown) => report(`the access log ${path} is not rotated`, error));
    }, lookMs).unref();
  }

  /** Does nothing while the file is small. */
  async rotate(limit = mostBytes): Promise<void> {
    if ((await sizeOf(this.#path)) <= limit) return;
    for (let age = kept; age > 1; age -= 1)
      await rename(`${this.#path}.${age - 1}`, `${this.#path}.${age}`).catch(unlessMissing);
    await copyFile(this.#path, `${this.#path}.1`);
    await truncate(this.#path);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(unlessMissing))?.size ?? 0;
}

function unlessMissing(error: unknown): undefined {
  if (systemCode(error) !== 'ENOENT') throw error;
  return undefined;
}
