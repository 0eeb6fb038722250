import type { Cgroups } from '#ports/cgroups.ts';
import type { TaskExit } from '#ports/runtime.ts';
import { readIfThere, type TaskFiles } from './bundle.ts';
import { type ExitRecord, ExitWatcher, lostExit, readExit } from './exits.ts';
import type { OciRuntimes } from './oci-runtimes.ts';
import { isAlive } from './processes.ts';

/** Between the end of a main process and the exit that its monitor writes, in milliseconds; more means that it hangs. */
const exitPatience = 5_000;

type Listener = (exit: TaskExit) => void;

/** The exits of one instance's tasks: read when asked for, and told as they come. */
export class TaskExits {
  readonly #files: TaskFiles;
  readonly #runtimes: OciRuntimes;
  readonly #cgroups: Cgroups;
  readonly #watcher: ExitWatcher;
  readonly #listeners = new Set<Listener>();

  /** @param report says what went wrong in the background */
  constructor(
    files: TaskFiles,
    runtimes: OciRuntimes,
    cgroups: Cgroups,
    report: (problem: string, error: unknown) => void,
  ) {
    this.#files = files;
    this.#runtimes = runtimes;
    this.#cgroups = cgroups;
    this.#watcher = new ExitWatcher(files, (id) => {
      this.#tell(id).catch((error: unknown) => report(`the exit of container ${id} was not handled`, error));
    });
  }

  onExit(listener: Listener): void {
    this.#listeners.add(listener);
  }

  async #tell(id: string): Promise<void> {
    const exit = await this.of(id);
    // A task that was deleted in the meantime has nobody who waits for it.
    if (exit !== undefined) for (const listener of this.#listeners) listener(exit);
  }

  /** As Runtime.exitOf. */
  async of(id: string): Promise<TaskExit | undefined> {
    const exit =
      readExit(this.#files, id) ??
      lostExit(this.#files, this.#runtimes.of(id), id) ??
      (await this.#comingExit(id));
    if (exit === undefined) return undefined;
    return { id, ...exit, ...(await this.#memoryOf(id)) };
  }

  /** The exit that a living monitor is about to write: it does so once all output is in the log. */
  async #comingExit(id: string): Promise<ExitRecord | undefined> {
    const main = this.#runtimes.of(id).state(id);
    if (main === undefined || isAlive(main)) return undefined;
    await this.#watcher.next(id, exitPatience);
    return readExit(this.#files, id);
  }

  /** conmon notes that memory ran out; where it could not watch (a hybrid tree), the group still counts. */
  async #memoryOf(id: string): Promise<Pick<TaskExit, 'oomKilled' | 'memory'>> {
    const noted = readIfThere(this.#files.inBundle(id, 'oom')) !== undefined;
    const path = this.#files.readRecord(id)?.cgroupPath;
    if (!noted && (path === undefined || this.#cgroups.oomKills(path) === 0)) return { oomKilled: false };
    const usage = path === undefined ? undefined : await this.#cgroups.usage(path);
    if (usage === undefined) return { oomKilled: true };
    const { limit, peak } = usage.memory;
    return { oomKilled: true, memory: { limit, peak } };
  }

  /** The task is gone; a new one with the same id may come. */
  forget(id: string): void {
    this.#watcher.forget(id);
  }

  close(): void {
    this.#watcher.close();
  }
}
