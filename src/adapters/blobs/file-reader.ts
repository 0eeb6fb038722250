import { close, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import type { ByteReader } from '#base/byte-reader.ts';

const readAsync = promisify(read);
const closeAsync = promisify(close);

/** A file from its first byte, which may still grow. */
export class FileReader implements ByteReader {
  readonly #fd: number;
  readonly #after: (position: number) => Promise<number>;
  #position = 0;
  #closing: Promise<void> | undefined;

  /**
   * Opens the file at once: when it is read, it may have another name.
   * @param after gives how many bytes there are after a position once there are some, 0 at the end; absent: all of the file is there
   */
  constructor(path: string, after: (position: number) => Promise<number> = () => Promise.resolve(Infinity)) {
    this.#fd = openSync(path, 'r');
    this.#after = after;
  }

  async read(into: Uint8Array): Promise<number> {
    const there = await this.#after(this.#position);
    if (there === 0) return 0;
    const { bytesRead } = await readAsync(this.#fd, into, 0, Math.min(into.length, there), this.#position);
    this.#position += bytesRead;
    return bytesRead;
  }

  close(): Promise<void> {
    this.#closing ??= closeAsync(this.#fd);
    return this.#closing;
  }
}
