import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '#adapters/files/sync-folder.ts';
import { invalid, messageOf, systemCode } from '#base/errors.ts';
import type { KeyStore } from '#ports/key-store.ts';

const header = 'berth-key-1';
const keyBytes = 32;

/** Keys in a text file, one a line, which only its owner may read. */
export class KeyFile implements KeyStore {
  readonly place: string;
  readonly #loss: string;

  /**
   * @param path absolute; made when keys are first written
   * @param loss what the keys are needed for, for people
   */
  constructor(path: string, loss = 'without its key no secret can be opened') {
    this.place = path;
    this.#loss = loss;
  }

  async read(): Promise<Uint8Array[]> {
    const text = await this.#text();
    if (text === undefined) return [];
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => this.#key(line.trim()));
  }

  async write(keys: readonly Uint8Array[]): Promise<void> {
    const folder = dirname(this.place);
    await mkdir(folder, { recursive: true, mode: 0o711 });
    if (keys.length === 0) await rm(this.place, { force: true });
    else await this.#replace(keys);
    await syncFolder(folder);
  }

  async #replace(keys: readonly Uint8Array[]): Promise<void> {
    // A left-over of a crash is written over.
    const draft = `${this.place}.new`;
    const lines = keys.map((key) => `${header} ${Buffer.from(key).toString('base64')}\n`);
    await rm(draft, { force: true });
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(lines.join(''));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, this.place);
  }

  async #text(): Promise<string | undefined> {
    try {
      const { mode } = await stat(this.place);
      if ((mode & 0o077) !== 0)
        throw this.#invalid(`its mode is 0${(mode & 0o777).toString(8)}, required is 0600`);
      return await readFile(this.place, 'utf8');
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      if (systemCode(error) === undefined) throw error;
      throw this.#invalid(messageOf(error));
    }
  }

  #key(line: string): Uint8Array {
    const [word, text = ''] = line.split(' ');
    const key = Buffer.from(text, 'base64');
    // Never the line itself: it may be a damaged key.
    if (word !== header || key.length !== keyBytes)
      throw this.#invalid(`a line of it is no key: required is '${header}' and ${keyBytes} bytes in base64`);
    return key;
  }

  #invalid(problem: string): Error {
    return invalid('key-file-invalid', `the key file '${this.place}' cannot be used: ${problem}`, {
      hint: `restore it from a backup; ${this.#loss}`,
    });
  }
}
