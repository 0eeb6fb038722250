import { join } from 'node:path';
import { KeyedMutex } from '#base/mutex.ts';
import type { LogEntry, LogPosition, LogProgress, LogQuery, LogStore } from '#ports/log-store.ts';
import { LogFiles } from './files.ts';
import { followFrom } from './forward.ts';
import { readLog } from './reader.ts';

/** The port LogStore on the files that conmon writes, one folder for each container. */
export class FileLogStore implements LogStore {
  readonly #folder: string;
  /** Keeps a rotation from renaming files while a reader opens them. */
  readonly #locks = new KeyedMutex();

  /** @param folder absolute; such as `${instance.root}/logs` */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async prepare(id: string): Promise<string> {
    await this.#files(id).make();
    return this.path(id);
  }

  path(id: string): string {
    return this.#files(id).current;
  }

  read(id: string, query: LogQuery): AsyncIterable<LogEntry> {
    const files = this.#files(id);
    return readLog(files, (work) => this.#locks.run(id, work), query);
  }

  followFrom(
    id: string,
    position: LogPosition | undefined,
    until: { ended: Promise<unknown>; signal: AbortSignal },
  ): AsyncIterable<LogProgress> {
    return followFrom(this.#files(id), (work) => this.#locks.run(id, work), position, until);
  }

  rotate(
    id: string,
    limits: { maxBytes: number; maxFiles: number },
    reopen: () => Promise<void>,
  ): Promise<boolean> {
    const files = this.#files(id);
    // Asked of every log every second: mostly one look is enough.
    if (files.isWithin(limits.maxBytes)) return Promise.resolve(false);
    return this.#locks.run(id, async () => {
      if (!(await files.needsRotation(limits.maxBytes))) return false;
      await files.shift();
      await reopen();
      await files.drop(limits.maxFiles);
      return true;
    });
  }

  size(id: string): Promise<number> {
    return this.#files(id).size();
  }

  async remove(id: string): Promise<void> {
    await this.#files(id).remove();
  }

  #files(id: string): LogFiles {
    return new LogFiles(join(this.#folder, id));
  }
}
