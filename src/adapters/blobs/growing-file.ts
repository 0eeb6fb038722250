import { open, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';

/** What is read at a time. */
const pieceSize = 1024 * 1024;

/** How far a file has come that is read while it is written. */
export class GrowingFile {
  readonly #path: string;
  #written: number;
  #more = Promise.withResolvers<void>();
  /** How it ended: whoever reads is told after the last byte. */
  readonly #whole = Promise.withResolvers<void>();
  #isOver = false;

  /** @param written bytes that are there */
  constructor(path: string, written = 0) {
    this.#path = path;
    this.#written = written;
    this.#whole.promise.catch(() => undefined);
  }

  /** Bytes that readers find. */
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
    if (error === undefined) this.#whole.resolve();
    else this.#whole.reject(error);
    this.#wake();
  }

  /** All of it from the first byte, as it comes. It ends, or fails, as the file does. */
  read(): Readable {
    // Opened now: when it is read, the file may have another name already.
    const opening = open(this.#path, 'r');
    const content = Readable.from(this.#tail(opening), { objectMode: false });
    content.once('close', () => {
      opening.then((file) => file.close()).catch(() => undefined);
    });
    return content;
  }

  #wake(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  async *#tail(opening: Promise<FileHandle>): AsyncGenerator<Uint8Array> {
    const file = await opening;
    for (let at = 0; ;) {
      while (at < this.#written) {
        const buffer = Buffer.allocUnsafe(Math.min(pieceSize, this.#written - at));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
      if (this.#isOver) break;
      await this.#more.promise;
    }
    await this.#whole.promise;
  }
}
