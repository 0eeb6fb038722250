import type { Container, ContainerState } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { LifeCycle } from '#engine/containers/life-cycle.ts';
import type { TaskExit } from '#ports/runtime.ts';
import { firstHealth } from '#domain/container/health.ts';
import { afterStart, hasProcess } from '#domain/container/state.ts';
import { ownerOfImageKey } from '#engine/containers/mount-sources.ts';
import { ownsSandbox } from '#engine/containers/endpoints.ts';
import { settled } from '#engine/containers/registry.ts';

/** Exit code of a main process that nobody saw end: the machine went down, or the monitor was killed. */
const lostExitCode = 137;
const ownId = /^[0-9a-f]{64}$/;

/**
 * Brings the records and the host together when the daemon starts: what runs is adopted, what ended
 * meanwhile is handled as an exit, what was half done is finished or undone, and what belongs to no
 * container is removed.
 */
export class Reconciling {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #cycle: LifeCycle;
  readonly #isCaredFor: (container: Container) => boolean;

  /** @param isCaredFor whose start is left to others, who do it in the order of their app */
  constructor(
    parts: ContainerParts,
    registry: ContainerRegistry,
    cycle: LifeCycle,
    isCaredFor: (container: Container) => boolean,
  ) {
    this.#parts = parts;
    this.#registry = registry;
    this.#cycle = cycle;
    this.#isCaredFor = isCaredFor;
  }

  async run(): Promise<void> {
    const halfMade = this.#registry.load();
    for (const container of halfMade)
      await this.#tried(`container ${container.id} is still half made`, this.#undoCreate(container));
    this.#cycle.cpus.open();
    const containers = this.#registry.list();
    const ended = await this.#observe(containers);
    const running = this.#registry.list().filter((each) => hasProcess(each) && !ended.has(each.id));
    for (const { id, state } of running.filter(ownsSandbox))
      await this.#parts.networks.entrustSandbox(id, state.pid);
    await this.#parts.networks.adopt(running);
    for (const container of this.#registry.list()) this.#cycle.goOnSending(container);
    for (const [id, exit] of ended)
      await this.#tried(`the exit of container ${id} was not handled`, this.#afterAbsence(id, exit));
    // Before anything starts again: half started, it would look like a leftover.
    await this.#sweep();
    for (const container of this.#registry.list())
      await this.#tried(`container ${container.id} is still half there`, this.#finish(container));
    await this.#cycle.cpus.settle();
  }

  /** What cannot be cleared away keeps nobody from the rest; the next start tries again. */
  async #tried(problem: string, work: Promise<void>): Promise<void> {
    await work.catch((error: unknown) => this.#parts.report(problem, error));
  }

  async #undoCreate(container: Container): Promise<void> {
    await this.#cycle.removing.discard(container);
    for (const point of container.mounts) await this.#cycle.removing.removeAnonymous(point);
    this.#registry.delete(container);
  }

  /** Adopts what runs; gives the exits of those that should run and do not. */
  async #observe(containers: Container[]): Promise<Map<string, TaskExit>> {
    const ended = new Map<string, TaskExit>();
    for (const container of containers) {
      if (!hasProcess(container) && container.pending !== 'start') continue;
      const exit = await this.#look(container);
      if (exit !== undefined) ended.set(container.id, exit);
    }
    return ended;
  }

  async #look(container: Container): Promise<TaskExit | undefined> {
    const { runtime } = this.#parts;
    const [{ status, pid }, exit] = [await runtime.observe(container.id), await runtime.exitOf(container.id)];
    const lives = (status === 'running' || status === 'paused') && exit === undefined;
    if (lives) {
      this.#cycle.adopt(this.#adopted(container, status, pid));
      return undefined;
    }
    if (container.pending === 'start' && exit === undefined) {
      await this.#undoStart(container);
      return undefined;
    }
    if (container.pending === 'start') this.#adopted(container, 'running', pid);
    return exit ?? this.#lost(container.id);
  }

  #adopted(container: Container, status: 'running' | 'paused', pid: number): Container {
    const state = container.pending === 'start' ? this.#started(container, pid) : container.state;
    return this.#registry.put(settled({ ...container, state: { ...state, status, pid } }));
  }

  #started(container: Container, pid: number): ContainerState {
    return firstHealth(container, afterStart(container.state, pid, this.#parts.clock.timestamp(), false));
  }

  async #undoStart(container: Container): Promise<void> {
    await this.#cycle.ending.release(container);
    this.#registry.put(settled(container));
  }

  #lost(id: string): TaskExit {
    return { id, exitCode: lostExitCode, exitedAt: this.#parts.clock.timestamp(), oomKilled: false };
  }

  async #afterAbsence(id: string, exit: TaskExit): Promise<void> {
    const ended = await this.#cycle.ending.end(exit);
    if (ended?.state.status === 'exited') await this.#cycle.afterEnd(ended);
    else if (ended === undefined) this.#parts.report(`container ${id} is gone`, undefined);
  }

  /** What a record says is still to be done. */
  async #finish(container: Container): Promise<void> {
    const { state, hostConfig } = container;
    if (state.status === 'removing')
      await this.#cycle.removing.remove(container, container.pending === 'remove-volumes');
    else if (state.status === 'exited' && hostConfig.AutoRemove === true)
      await this.#cycle.removing.remove(container, true);
    else if (this.#isCaredFor(container)) this.#leave(container);
    else if (state.status === 'restarting') this.#cycle.restartLater(container);
    else if (state.status === 'exited' && hostConfig.RestartPolicy?.Name === 'always')
      this.#cycle.restartLater(this.#registry.setState(container, { status: 'restarting' }));
  }

  #leave(container: Container): void {
    if (container.state.status === 'restarting') this.#registry.setState(container, { status: 'exited' });
  }

  /** Removes what belongs to no container, or to one that does not run. */
  async #sweep(): Promise<void> {
    const { runtime, snapshotter, files } = this.#parts;
    const left = (id: string, work: Promise<void>): Promise<void> =>
      this.#tried(`something of ${id} is left over`, work);
    for (const id of await runtime.list()) if (!this.#runs(id)) await left(id, runtime.delete(id));
    for (const key of await snapshotter.listActive()) {
      const owner = ownId.test(key) ? key : ownerOfImageKey(key);
      if (owner === undefined) continue;
      if (this.#registry.byId(owner) === undefined) await left(key, snapshotter.remove(key));
      else if (!this.#runs(owner)) await left(key, snapshotter.unmount(key));
    }
    for (const id of await files.list())
      if (this.#registry.byId(id) === undefined) await left(id, files.remove(id));
      else if (!this.#runs(id)) await left(id, files.unmountAll(id));
  }

  #runs(id: string): boolean {
    const container = this.#registry.byId(id);
    return container !== undefined && hasProcess(container);
  }
}
