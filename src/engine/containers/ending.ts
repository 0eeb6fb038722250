import type { Container } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { CpuPool } from '#engine/containers/cpu-pool.ts';
import type { Execs } from '#engine/containers/execs.ts';
import type { HealthMonitor } from '#engine/containers/health-monitor.ts';
import type { Life, Lives } from '#engine/containers/lives.ts';
import { restarts } from '#domain/container/restart.ts';
import { afterExit, hasProcess } from '#domain/container/state.ts';
import { announce, announceUnmounted } from '#engine/containers/announcer.ts';
import { ownsSandbox, vacated } from '#engine/containers/endpoints.ts';
import { closeSources } from '#engine/containers/mount-sources.ts';
import { settled } from '#engine/containers/registry.ts';
import { pause } from '#engine/pause.ts';
import type { TaskExit, TaskOom } from '#ports/runtime.ts';

/** Milliseconds that clients have for the rest of the output, as with Docker. */
const clientsTime = 2000;

/**
 * What happens when a main process has ended: the exit is recorded before anything is freed, so that a
 * crash in between loses neither; whatever is not freed then, the next start of the daemon frees. The caller
 * holds the container's lock.
 */
export class Ending {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #lives: Lives;
  readonly #health: HealthMonitor;
  readonly #execs: Execs;
  readonly #cpus: CpuPool;

  constructor(
    parts: ContainerParts,
    registry: ContainerRegistry,
    lives: Lives,
    health: HealthMonitor,
    execs: Execs,
    cpus: CpuPool,
  ) {
    this.#cpus = cpus;
    this.#parts = parts;
    this.#registry = registry;
    this.#lives = lives;
    this.#health = health;
    this.#execs = execs;
  }

  /** Gives the container as it is then; undefined when it was not running. */
  async end(exit: TaskExit): Promise<Container | undefined> {
    const container = this.#registry.byId(exit.id);
    if (container === undefined || !hasProcess(container)) return undefined;
    this.#health.end(container.id);
    this.#execs.containerEnded(container.id);
    const ended = this.#record(container, exit);
    this.#lives.of(container.id).endOutput();
    await Promise.all([this.#tell(ended, exit), this.release(container)]);
    await this.#cpus.settle();
    const { exitCode } = ended.state;
    this.#lives.of(container.id).end({ exitCode }, ended.state.status === 'exited');
    return ended;
  }

  /** Memory ran out: something of the container is killed, perhaps not its main process. */
  outOfMemory({ id, memory }: TaskOom): void {
    const container = this.#registry.byId(id);
    if (container === undefined || !hasProcess(container)) return;
    if (!container.state.oomKilled)
      this.#registry.setState(container, { oomKilled: true, oomMemory: memory });
    announce(this.#parts.events, container, 'oom', inBytes(memory));
  }

  #record(container: Container, exit: TaskExit): Container {
    const { restartCount, stoppedByUser } = container.state;
    const removed = this.#lives.of(container.id).removal !== undefined;
    const ended = { exitCode: exit.exitCode, restartCount, stoppedByUser };
    const again = !removed && restarts(container.hostConfig.RestartPolicy, ended);
    const over = settled({
      ...container,
      endpoints: container.endpoints.map(vacated),
      ports: [],
      state: afterExit(container.state, exit, again),
    });
    // One that goes next: a power cut ends it too, and the next start of the daemon removes it.
    const goes = container.hostConfig.AutoRemove === true && !again;
    const recorded = goes ? this.#registry.note(over) : this.#registry.put(over);
    // What ran out with a limit was told at that moment.
    if (exit.oomKilled && !container.state.oomKilled)
      announce(this.#parts.events, recorded, 'oom', inBytes(exit.memory));
    return recorded;
  }

  /** Those who follow the events read no further once the end is told. */
  async #tell(ended: Container, exit: TaskExit): Promise<void> {
    const life = this.#lives.of(ended.id);
    if (life.hasClients) await this.#serve(life);
    const duration = Date.parse(exit.exitedAt) - Date.parse(ended.state.startedAt);
    announceUnmounted(this.#parts.events, ended);
    announce(this.#parts.events, ended, 'die', {
      exitCode: String(exit.exitCode),
      execDuration: String(Math.max(0, Math.round(duration / 1000))),
    });
  }

  async #serve(life: Life): Promise<void> {
    const over = new AbortController();
    await life.served(pause(this.#parts.clock, clientsTime, over.signal));
    over.abort();
  }

  /** Frees what a running container holds. Idempotent. @param container as it was while it ran */
  async release(container: Container): Promise<void> {
    const { runtime, networks, snapshotter, report } = this.#parts;
    const failed = (error: unknown): void =>
      report(`container ${container.id} was not freed completely`, error);
    this.#cpus.free(container.id);
    await runtime.delete(container.id).catch(failed);
    await Promise.all([
      ownsSandbox(container) ? networks.removeSandbox(container).catch(failed) : undefined,
      snapshotter.unmount(container.id).catch(failed),
      closeSources(this.#parts, container).catch(failed),
    ]);
  }
}

/** Attributes of the event `oom`; Docker's has none. */
function inBytes(memory: TaskExit['memory']): Record<string, string> {
  return memory === undefined ? {} : { memoryLimit: String(memory.limit), memoryPeak: String(memory.peak) };
}
