import { close, openSync, write } from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';

const closeFile = promisify(close);
const writeFile = promisify(write);

/** Where small files are put one after another, in bytes; each writer has such a stretch for itself. */
const stretch = 1024 * 1024;
/** What may wait to be written, in bytes, before whoever writes should wait. */
const mostUnderway = 8 * 1024 * 1024;

/** A file that only grows: what was written once stays where it is. It goes with the last who holds it. */
export class Pack {
  readonly path: string;
  readonly #file: number;
  #end = 0;
  #holders = 1;

  /** Held by the caller. `path`: absolute; nothing is there. */
  constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, 'wx', 0o600);
  }

  /** Bytes that it takes at most. */
  get size(): number {
    return this.#end;
  }

  hold(): void {
    this.#holders++;
  }

  async release(): Promise<void> {
    if (--this.#holders > 0) return;
    await closeFile(this.#file);
    await rm(this.path, { force: true });
  }

  /** Room for so many bytes. */
  allocate(size: number): number {
    const offset = this.#end;
    this.#end += size;
    return offset;
  }

  /** Takes back what was allocated last, from there on. */
  giveBack(offset: number, end: number): void {
    if (this.#end === end) this.#end = offset;
  }

  async write(content: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < content.length;) {
      const left = content.length - done;
      done += (await writeFile(this.#file, content, done, left, position + done)).bytesWritten;
    }
  }
}

/** Writes into a pack in large pieces, beside others who do. */
export class PackWriter {
  readonly #pack: Pack;
  #buffer: Buffer = Buffer.alloc(0);
  #begin = 0;
  #filled = 0;
  readonly #writing = new Set<Promise<void>>();
  #underway = 0;
  #failure: { error: unknown } | undefined;

  constructor(pack: Pack) {
    this.#pack = pack;
  }

  /** A whole file of at most some 32 KB; gives where it lies. */
  append(content: Uint8Array): number {
    if (content.length > this.#buffer.length - this.#filled) this.#open(Math.max(stretch, content.length));
    const offset = this.#begin + this.#filled;
    this.#buffer.set(content, this.#filled);
    this.#filled += content.length;
    return offset;
  }

  allocate(size: number): number {
    return this.#pack.allocate(size);
  }

  /** The caller does not touch the content any more. */
  write(content: Uint8Array, position: number): void {
    const writing = this.#write(content, position);
    this.#writing.add(writing);
    void writing.finally(() => this.#writing.delete(writing));
  }

  /** Waits while much is to be written. @throws what writing failed with */
  async room(): Promise<void> {
    while (this.#underway > mostUnderway) await Promise.race(this.#writing);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Waits until all is written. @throws what writing failed with */
  async finish(): Promise<void> {
    this.#open(0);
    await Promise.all(this.#writing);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #open(size: number): void {
    const end = this.#begin + this.#buffer.length;
    const content = this.#buffer.subarray(0, this.#filled);
    if (content.length > 0) this.write(content, this.#begin);
    this.#pack.giveBack(this.#begin + this.#filled, end);
    this.#buffer = Buffer.allocUnsafeSlow(size);
    this.#begin = this.#pack.allocate(size);
    this.#filled = 0;
  }

  /** Never fails: whoever asks next is told. */
  async #write(content: Uint8Array, position: number): Promise<void> {
    this.#underway += content.length;
    try {
      await this.#pack.write(content, position);
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      this.#underway -= content.length;
    }
  }
}
