import { join } from 'node:path';
import { KeyedMutex } from '#base/mutex.ts';
import type { LogEntry, LogPosition, LogProgress, LogQuery, LogStore } from '#ports/log-store.ts';
import { LogFiles } from './files.ts';
import { followFrom } from './forward.ts';
import { readLog } from './reader.ts';

/** Bytes that a monitor writes at most before it heeds what it was told; told twice it would begin two files. */
const unheeded = 1024 * 1024;

/** The present file of a log, as it was found or left. */
interface Present {
  inode: number;
  /** Bytes from which on the monitor has not heard what it was told; 0: it was told nothing. */
  unheardFrom: number;
}

/** The port LogStore on the files that conmon writes, one folder for each container. */
export class FileLogStore implements LogStore {
  readonly #folder: string;
  /** Keeps a rotation from renaming files while a reader opens them, or the log is removed. */
  readonly #locks = new KeyedMutex();
  /** Of logs whose files are settled. */
  readonly #present = new Map<string, Present>();

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
    const before = this.#present.get(id);
    const most = Math.max(limits.maxBytes, before?.unheardFrom ?? 0);
    // Asked of every log every second: mostly one look is enough.
    if (before !== undefined && files.isWithin(before.inode, most)) return Promise.resolve(false);
    return this.#locks.run(id, async () => {
      let ended: number | undefined;
      try {
        const present = await files.settle();
        const isDue =
          present === undefined ? await files.hasOlder() : this.#isDue(id, present, limits.maxBytes);
        if (!isDue) return false;
        await reopen();
        ended = present?.size;
        return true;
      } catch (error) {
        // Told again at the next look.
        this.#present.delete(id);
        throw error;
      } finally {
        // Once the monitor is told: to remove a large file takes a while, in which the present one grows.
        await files.drop(limits, ended);
      }
    });
  }

  /** Notes the present file, and that the monitor is told when it is to be. */
  #isDue(id: string, { inode, size }: { inode: number; size: number }, maxBytes: number): boolean {
    const before = this.#present.get(id);
    const unheardFrom = before?.inode === inode ? before.unheardFrom : 0;
    const isDue = size > Math.max(maxBytes, unheardFrom);
    this.#present.set(id, { inode, unheardFrom: isDue ? size + unheeded : unheardFrom });
    return isDue;
  }

  size(id: string): Promise<number> {
    return this.#files(id).size();
  }

  remove(id: string): Promise<void> {
    return this.#locks.run(id, async () => {
      this.#present.delete(id);
      await this.#files(id).remove();
    });
  }

  #files(id: string): LogFiles {
    return new LogFiles(join(this.#folder, id));
  }
}
