import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import { logLimits } from '#domain/container/log-limits.ts';
import { hasProcess } from '#domain/container/state.ts';

/** Milliseconds between two looks at the logs. */
const interval = 5000;

/** Keeps the logs of running containers within their limits. */
export class LogRotation {
  readonly #parts: Pick<ContainerParts, 'clock' | 'logs' | 'runtime' | 'report'>;
  readonly #registry: ContainerRegistry;
  readonly #stop = new AbortController();

  constructor(
    parts: Pick<ContainerParts, 'clock' | 'logs' | 'runtime' | 'report'>,
    registry: ContainerRegistry,
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
    for (;;) {
      await this.#parts.clock.sleep(interval, signal);
      await this.rotateAll();
    }
  }

  /** One look at each log. */
  async rotateAll(): Promise<void> {
    const { logs, runtime, report } = this.#parts;
    for (const container of this.#registry.list().filter(hasProcess)) {
      const { LogConfig: config } = container.hostConfig;
      if (config?.Type === 'none') continue;
      await logs
        .rotate(container.id, logLimits(config), () => runtime.reopenLog(container.id))
        .catch((error: unknown) => report(`the log of container ${container.id} was not rotated`, error));
    }
  }
}
