import { chmod, rename, rm, stat, writeFile } from 'node:fs/promises';
import { KeyedMutex } from '#base/mutex.ts';
import { systemCode } from '#base/errors.ts';
import { textIfThere } from '#adapters/files/if-there.ts';
import type { HostName, HostNames } from '#ports/host-names.ts';

const MODE = 0o644;

/** A block of an instance's own in a file as hosts(5) describes it. */
export class HostsFile implements HostNames {
  readonly #path: string;
  readonly #first: string;
  readonly #last: string;
  readonly #order = new KeyedMutex();

  constructor(path: string, instanceId: string) {
    this.#path = path;
    this.#first = `# berth ${instanceId}: services of apps, kept by the daemon`;
    this.#last = `# berth ${instanceId}: end`;
  }

  set(names: HostName[]): Promise<void> {
    return this.#order.run(this.#path, async () => {
      const before = await textIfThere(this.#path);
      const after = this.#without(before) + this.#block(names);
      if (after !== before) await this.#write(after);
    });
  }

  /** A block whose end is missing reaches to the end of the file: it was written last. */
  #without(text: string): string {
    const from = text.indexOf(this.#first);
    if (from === -1) return text === '' || text.endsWith('\n') ? text : `${text}\n`;
    const end = text.indexOf(this.#last, from);
    const rest = end === -1 ? '' : text.slice(end + this.#last.length).replace(/^\n/, '');
    return text.slice(0, from) + rest;
  }

  #block(names: HostName[]): string {
    if (names.length === 0) return '';
    const lines = names.flatMap(({ name, addresses }) => addresses.map((address) => `${address}\t${name}`));
    return [this.#first, ...lines, this.#last, ''].join('\n');
  }

  /** Readers see the old or the new file; where it is a mount of its own, it is written in place. */
  async #write(text: string): Promise<void> {
    const draft = `${this.#path}.berth`;
    const mode = await stat(this.#path).then(
      (found) => found.mode & 0o777,
      () => MODE,
    );
    try {
      await writeFile(draft, text);
      await chmod(draft, mode);
      await rename(draft, this.#path);
    } catch (error) {
      await rm(draft, { force: true });
      if (systemCode(error) !== 'EBUSY') throw error;
      await writeFile(this.#path, text);
    }
  }
}
