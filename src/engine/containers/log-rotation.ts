import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import { logLimits } from '#domain/container/log-limits.ts';
import { hasProcess } from '#domain/container/state.ts';

/** Milliseconds between two looks at a log: a container that has gone wrong writes some 50 MB in this time. */
const interval = 1000;

/** And at one that had to be rotated at the last look. */
const soon = 100;

/** Keeps the logs of running containers within their limits. */
export class LogRotation {
  readonly #parts: Pick<ContainerParts, 'clock' | 'logs' | 'runtime' | 'report'>;
  readonly #registry: Pick<ContainerRegistry, 'list'>;
  readonly #stop = new AbortController();

  constructor(
    parts: Pick<ContainerParts, 'clock' | 'logs' | 'runtime' | 'report'>,
    registry: Pick<ContainerRegistry, 'list'>,
  ) {
    this.#parts = parts;
    this.#registry = registry;
  }

  begin(): void {
    const { signal } = this.#stop;
    this.#watch(signal).catch((error: unknown) => {
      if (!signal.aborted) this.#parts.report('logs are not rotated any more', error);
    });
  }

  close(): void {
    this.#stop.abort();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    let busy: ReadonlySet<string> = new Set();
    for (let next = clock.now(); ;) {
      const isDue = busy.size === 0 || clock.now() >= next;
      busy = await this.rotate((id) => isDue || busy.has(id));
      if (isDue) next = clock.now() + interval;
      await clock.sleep(busy.size === 0 ? interval : soon, signal);
    }
  }

  /** One look at each log of those that are accepted. Gives the ids of those that were too large. */
  async rotate(accepts: (id: string) => boolean): Promise<Set<string>> {
    const { logs, runtime, report } = this.#parts;
    const rotated = new Set<string>();
    for (const { id, hostConfig } of this.#registry.list().filter(hasProcess)) {
      if (hostConfig.LogConfig?.Type === 'none' || !accepts(id)) continue;
      await logs
        .rotate(id, logLimits(hostConfig.LogConfig), () => runtime.reopenLog(id))
        .then((done) => done && rotated.add(id))
        .catch((error: unknown) => report(`the log of container ${id} was not rotated`, error));
    }
    return rotated;
  }
}
