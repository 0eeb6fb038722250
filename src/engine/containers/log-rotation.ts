import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import { logLimits } from '#domain/container/log-limits.ts';
import type { Container } from '#domain/container/container.ts';
import { hasProcess } from '#domain/container/state.ts';

/** Milliseconds between two looks at a log: a container that has gone wrong writes up to some 200 MB in this time. */
const interval = 1000;

/** Until the first look. */
const soon = 150;

/** Between two looks at a log that had to be rotated at the last one. */
const atOnce = 20;

/** Keeps the logs of running containers within their limits. */
export class LogRotation {
  readonly #parts: Pick<ContainerParts, 'clock' | 'logs' | 'runtime' | 'report'>;
  readonly #registry: Pick<ContainerRegistry, 'list' | 'onChange'>;
  readonly #stop = new AbortController();
  /** What runs, as far as the registry told. */
  readonly #running = new Set<string>();
  /** Of it what was not looked at yet. */
  readonly #fresh = new Set<string>();
  #started = Promise.withResolvers<void>();

  constructor(
    parts: Pick<ContainerParts, 'clock' | 'logs' | 'runtime' | 'report'>,
    registry: Pick<ContainerRegistry, 'list' | 'onChange'>,
  ) {
    this.#parts = parts;
    this.#registry = registry;
  }

  begin(): void {
    const { signal } = this.#stop;
    signal.addEventListener(
      'abort',
      this.#registry.onChange((container) => this.#note(container)),
    );
    this.#watch(signal).catch((error: unknown) => {
      if (!signal.aborted) this.#parts.report('logs are not rotated any more', error);
    });
  }

  close(): void {
    this.#stop.abort();
  }

  #note(container: Container): void {
    const { id } = container;
    if (!hasProcess(container)) this.#running.delete(id);
    else if (!this.#running.has(id)) {
      this.#running.add(id);
      this.#fresh.add(id);
      this.#started.resolve();
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    let busy: ReadonlySet<string> = new Set();
    for (let next = clock.now(); ;) {
      const isDue = clock.now() >= next;
      const fresh = new Set(this.#fresh);
      this.#fresh.clear();
      this.#started = Promise.withResolvers();
      busy = await this.rotate((id) => isDue || busy.has(id) || fresh.has(id));
      if (isDue) next = clock.now() + interval;
      if (busy.size === 0 && this.#fresh.size === 0)
        await Promise.race([clock.sleep(Math.max(soon, next - clock.now()), signal), this.#started.promise]);
      if (busy.size > 0) await clock.sleep(atOnce, signal);
      else if (this.#fresh.size > 0) await clock.sleep(soon, signal);
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
