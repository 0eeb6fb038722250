/** How far a file has come that is read while it is written. */
export class GrowingFile {
  readonly #size: number;
  #written: number;
  #more = Promise.withResolvers<void>();
  /** How it ended: whoever reads is told after the last byte. */
  readonly #whole = Promise.withResolvers<void>();
  #isOver = false;
  #isRight = false;

  /**
   * @param written bytes that are there
   * @param size of the whole, if it is known: who has every byte takes it for right, so the last one waits until it is
   */
  constructor(written = 0, size = Infinity) {
    this.#written = written;
    this.#size = size;
    this.#whole.promise.catch(() => undefined);
  }

  /** Bytes that are there. */
  get written(): number {
    return this.#written;
  }

  grew(bytes: number): void {
    this.#written += bytes;
    this.#wake();
  }

  /** Nothing more comes: all of it is there and right, or `error` says why not. Only the first call counts. */
  end(error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isRight = error === undefined;
    if (this.#isRight) this.#whole.resolve();
    else this.#whole.reject(error);
    this.#wake();
  }

  /** How many bytes a reader may have after `position`, once there are some; 0 at the end of what is right. @throws what it ended with */
  async after(position: number): Promise<number> {
    while (position >= this.#readable && !this.#isOver) await this.#more.promise;
    if (position >= this.#readable) await this.#whole.promise;
    return this.#readable - position;
  }

  get #readable(): number {
    return this.#isRight ? this.#written : Math.min(this.#written, this.#size - 1);
  }

  #wake(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }
}
