import type { Cgroups } from '#ports/cgroups.ts';
import type { TaskOom } from '#ports/runtime.ts';

/** Learns from the kernel when a task runs out of memory; only those with a limit can. */
export class OomWatches {
  readonly #cgroups: Cgroups;
  readonly #tell: (oom: TaskOom) => void;
  readonly #watches = new Map<string, () => void>();

  constructor(cgroups: Cgroups, tell: (oom: TaskOom) => void) {
    this.#cgroups = cgroups;
    this.#tell = tell;
  }

  /** Idempotent. */
  watch(id: string, cgroupPath: string): void {
    if (this.#watches.has(id)) return;
    this.#watches.set(
      id,
      this.#cgroups.watchOom(cgroupPath, () => void this.#report(id, cgroupPath)),
    );
  }

  async #report(id: string, cgroupPath: string): Promise<void> {
    const usage = await this.#cgroups.usage(cgroupPath);
    if (usage === undefined) return;
    const { limit, peak } = usage.memory;
    this.#tell({ id, memory: { limit, peak } });
  }

  forget(id: string): void {
    this.#watches.get(id)?.();
    this.#watches.delete(id);
  }

  close(): void {
    for (const id of [...this.#watches.keys()]) this.forget(id);
  }
}
