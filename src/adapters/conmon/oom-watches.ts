import type { Cgroups } from '#ports/cgroups.ts';
import type { TaskOom } from '#ports/runtime.ts';

type Listener = (oom: TaskOom) => void;

/** Learns from the kernel when a task runs out of memory; only those with a limit can. */
export class OomWatches {
  readonly #cgroups: Cgroups;
  readonly #report: (problem: string, error: unknown) => void;
  readonly #listeners = new Set<Listener>();
  readonly #watches = new Map<string, () => void>();

  /** @param report says what went wrong in the background */
  constructor(cgroups: Cgroups, report: (problem: string, error: unknown) => void) {
    this.#cgroups = cgroups;
    this.#report = report;
  }

  onOom(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** Idempotent. */
  watch(id: string, cgroupPath: string): void {
    if (this.#watches.has(id)) return;
    const tell = (): void => {
      this.#tell(id, cgroupPath).catch((error: unknown) =>
        this.#report(`that container ${id} ran out of memory was not handled`, error),
      );
    };
    this.#watches.set(id, this.#cgroups.watchOom(cgroupPath, tell));
  }

  async #tell(id: string, cgroupPath: string): Promise<void> {
    const usage = await this.#cgroups.usage(cgroupPath);
    if (usage === undefined) return;
    const { limit, peak } = usage.memory;
    for (const listener of this.#listeners) listener({ id, memory: { limit, peak } });
  }

  forget(id: string): void {
    this.#watches.get(id)?.();
    this.#watches.delete(id);
  }

  close(): void {
    for (const id of [...this.#watches.keys()]) this.forget(id);
  }
}
