import { close } from '#adapters/linux/libc.ts';
import { openProcess, ProcessWatch } from '#adapters/linux/pidfd.ts';
import type { TaskFiles } from './bundle.ts';
import { livingMonitor } from './processes.ts';

/**
 * Learns from the kernel when a monitor ends: one that is killed tells nobody, and writes no exit. A watched monitor costs
 * one descriptor.
 */
export class MonitorWatches {
  readonly #files: TaskFiles;
  readonly #ended: (id: string) => Promise<void>;
  readonly #watches = new Map<string, ProcessWatch>();
  readonly #handled = new Map<string, Promise<void>>();

  /** @param ended what to do when a task's monitor is gone, by whatever cause; must not reject */
  constructor(files: TaskFiles, ended: (id: string) => Promise<void>) {
    this.#files = files;
    this.#ended = ended;
  }

  /** Watches from now on; a monitor that is gone already is handled before this returns. */
  async watch(id: string): Promise<void> {
    const pid = livingMonitor(this.#files, id);
    const handle = pid === undefined ? undefined : openProcess(pid);
    if (handle === undefined) return this.#ended(id);
    // Its number may have become another process's before it was opened.
    if (livingMonitor(this.#files, id) !== pid) {
      close(handle);
      return this.#ended(id);
    }
    this.#watches.set(id, new ProcessWatch(handle, () => this.#handle(id)));
  }

  #handle(id: string): void {
    this.#watches.delete(id);
    const handled = this.#ended(id).finally(() => this.#handled.delete(id));
    this.#handled.set(id, handled);
  }

  /** Returns when nothing is done for the task any more. `gone` resolves when its monitor is, with all that it kept. */
  async forget(id: string): Promise<{ gone: Promise<void> }> {
    const gone = this.#watches.get(id)?.ended() ?? Promise.resolve();
    this.#watches.delete(id);
    await this.#handled.get(id);
    return { gone };
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }
}
