import type { Digest } from '#domain/image/digest.ts';

/** Milliseconds after which layers are written out: more of an image follow each other, and the disk has other work until then. */
const pause = 1000;

/** Has layers on the disk a little later than they are used, many at once: one syncfs(2) is for all of them. */
export class WriteOut {
  readonly #sync: () => Promise<void>;
  readonly #written: (chainId: Digest) => void;
  readonly #waiting = new Set<Digest>();
  #timer: NodeJS.Timeout | undefined;
  #running = Promise.resolve();

  /** @param sync has all that is written by now on the disk; @param written hears of each layer that is */
  constructor(sync: () => Promise<void>, written: (chainId: Digest) => void) {
    this.#sync = sync;
    this.#written = written;
  }

  add(chainId: Digest): void {
    this.#waiting.add(chainId);
    this.#timer?.refresh();
    this.#timer ??= setTimeout(() => void this.#go(), pause).unref();
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#go();
  }

  #go(): Promise<void> {
    this.#timer = undefined;
    this.#running = this.#running.then(() => this.#writeOut());
    return this.#running;
  }

  async #writeOut(): Promise<void> {
    const layers = [...this.#waiting];
    this.#waiting.clear();
    if (layers.length === 0) return;
    try {
      await this.#sync();
      // One that came again meanwhile is another one.
      for (const layer of layers) if (!this.#waiting.has(layer)) this.#written(layer);
    } catch {
      // They stay as they are: not known to be on the disk. The next start of the machine has them made anew.
    }
  }
}
