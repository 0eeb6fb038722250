import type { Container } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { Lives } from '#engine/containers/lives.ts';
import type { KeyedMutex } from '#base/mutex.ts';
import { parseSignal } from '#domain/container/signals.ts';
import { hasProcess } from '#domain/container/state.ts';
import { announce } from '#engine/containers/announcer.ts';
import { conflict, isKind } from '#base/errors.ts';
import type { StopOptions } from '#engine/contracts.ts';

const SIGKILL = 9;
const defaultGrace = 10;

/**
 * Ends main processes. The lock is held only while signals are sent: the exit itself is handled under the
 * same lock, so whoever waits for it must not hold it.
 */
export class Stopping {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #lives: Lives;
  readonly #locks: KeyedMutex;

  constructor(parts: ContainerParts, registry: ContainerRegistry, lives: Lives, locks: KeyedMutex) {
    this.#parts = parts;
    this.#registry = registry;
    this.#lives = lives;
    this.#locks = locks;
  }

  /** Gives false when nothing ran. Returns after the exit was handled. */
  async stop(id: string, options: StopOptions): Promise<boolean> {
    const ended = await this.#locks.run(id, async () => this.#begin(id, options));
    if (ended === undefined) return false;
    const grace = options.timeout ?? this.#registry.byId(id)?.config.StopTimeout ?? defaultGrace;
    if (!(await this.#within(ended, grace))) {
      await this.#signal(id, SIGKILL);
      await Promise.all(ended);
    }
    return true;
  }

  // A promise that an async function returns would be awaited: it travels in a list.
  async #begin(id: string, { signal, forChange }: StopOptions): Promise<Promise<void>[] | undefined> {
    const container = this.#registry.byId(id);
    if (container === undefined) return undefined;
    if (container.state.status === 'restarting') {
      this.cancelRestart(container);
      return [Promise.resolve()];
    }
    if (!hasProcess(container)) return undefined;
    const stopped = { stoppedByUser: true, ...(forChange === true ? { stoppedForChange: forChange } : {}) };
    this.#registry.setState(container, stopped);
    await this.#signal(id, parseSignal(signal || container.config.StopSignal || 'SIGTERM'));
    if (container.state.status === 'paused') await this.#parts.runtime.resume(id);
    return [this.#lives.of(id).ended];
  }

  /** A container that waits for its next restart stays stopped. */
  cancelRestart(container: Container): void {
    const life = this.#lives.of(container.id);
    life.restartTimer?.abort();
    const { exitCode } = container.state;
    this.#registry.setState(container, { status: 'exited', stoppedByUser: true });
    life.tell('stopped', { exitCode });
  }

  /** @throws conflict `container-not-running` */
  async kill(container: Container, signal: number): Promise<void> {
    const { id } = container;
    const ended = await this.#locks.run(id, async () => {
      const current = this.#registry.byId(id);
      if (current?.state.status === 'restarting' && this.#stops(current, signal)) {
        this.cancelRestart(current);
        return [Promise.resolve()];
      }
      if (current === undefined || !hasProcess(current))
        throw conflict('container-not-running', `container ${id} is not running`);
      if (this.#stops(current, signal)) this.#registry.setState(current, { stoppedByUser: true });
      await this.#signal(id, signal);
      if (signal === SIGKILL && current.state.status === 'paused') await this.#parts.runtime.resume(id);
      return [this.#lives.of(id).ended];
    });
    if (signal === SIGKILL) await Promise.all(ended);
  }

  /** Whether a signal is meant to end the container for good. */
  #stops({ config }: Container, signal: number): boolean {
    return signal === SIGKILL || signal === parseSignal(config.StopSignal || 'SIGTERM');
  }

  /** Sends a signal; that the process has ended already is fine. */
  async #signal(id: string, signal: number): Promise<void> {
    const container = this.#registry.byId(id);
    try {
      await this.#parts.runtime.signal(id, signal);
    } catch (error) {
      if (!isKind(error, 'conflict')) throw error;
      return;
    }
    if (container !== undefined) announce(this.#parts.events, container, 'kill', { signal: String(signal) });
  }

  /** @param seconds negative: for ever */
  async #within(ended: Promise<void>[], seconds: number): Promise<boolean> {
    if (seconds < 0) {
      await Promise.all(ended);
      return true;
    }
    const timer = new AbortController();
    const timeUp = this.#parts.clock.sleep(seconds * 1000, timer.signal).then(
      () => false,
      () => false,
    );
    const inTime = Promise.all(ended).then(() => true);
    const result = await Promise.race([inTime, timeUp]);
    timer.abort();
    return result;
  }
}
