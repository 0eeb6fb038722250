import type { Container } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { Execs } from '#engine/containers/execs.ts';
import type { Lives } from '#engine/containers/lives.ts';
import type { Roots } from '#engine/containers/roots.ts';
import type { KeyedMutex } from '#base/mutex.ts';
import type { StopOptions } from '#engine/contracts.ts';
import type { TaskExit } from '#ports/runtime.ts';
import { askedDelay, nextDelay } from '#domain/container/restart.ts';
import { hasProcess, isActive, never } from '#domain/container/state.ts';
import { announce } from '#engine/containers/announcer.ts';
import { CpuPool } from '#engine/containers/cpu-pool.ts';
import { Ending } from '#engine/containers/ending.ts';
import { HealthMonitor } from '#engine/containers/health-monitor.ts';
import { LogForwarding } from '#engine/containers/log-forwarding.ts';
import { Removing } from '#engine/containers/removing.ts';
import { Starting } from '#engine/containers/starting.ts';
import { Stopping } from '#engine/containers/stopping.ts';
import { conflict, unchanged } from '#base/errors.ts';
import { pause } from '#engine/pause.ts';

/** Milliseconds until an exit that could not be handled is looked at again. */
const exitRetry = 500;

/**
 * Which step may follow which, and under which lock. A container's lock is held while it is started, ended,
 * paused or removed; it is never held while waiting for an exit or for the next restart.
 */
export class LifeCycle {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #lives: Lives;
  readonly #locks: KeyedMutex;
  readonly #execs: Execs;
  readonly #health: HealthMonitor;
  readonly #starting: Starting;
  readonly #stopping: Stopping;
  readonly cpus: CpuPool;
  readonly ending: Ending;
  readonly removing: Removing;
  readonly forwarding: LogForwarding;
  readonly #over = new AbortController();

  constructor(
    parts: ContainerParts,
    registry: ContainerRegistry,
    lives: Lives,
    locks: KeyedMutex,
    execs: Execs,
    roots: Roots,
  ) {
    this.#parts = parts;
    this.#registry = registry;
    this.#lives = lives;
    this.#locks = locks;
    this.#execs = execs;
    this.#health = new HealthMonitor(parts, registry, execs);
    this.forwarding = new LogForwarding(parts);
    this.cpus = new CpuPool(parts, registry);
    this.#starting = new Starting(parts, registry, lives, this.#health, this.forwarding, roots, this.cpus);
    this.#stopping = new Stopping(parts, registry, lives, locks);
    this.ending = new Ending(parts, registry, lives, this.#health, execs, this.cpus);
    this.removing = new Removing(parts, registry, lives, this.forwarding);
  }

  /** Stops timers and probes; containers go on. */
  async close(): Promise<void> {
    this.#over.abort();
    this.#health.close();
    for (const life of this.#lives.all()) life.restartTimer?.abort();
    await this.forwarding.close();
  }

  /** @throws unchanged `already-running`; conflict `container-paused`, `container-removing`; as Starting */
  async start(id: string): Promise<void> {
    try {
      await this.#locks.run(id, async () => {
        const container = this.#registry.get(id);
        refuseStart(container);
        const life = this.#lives.of(id);
        life.restartDelay = 0;
        await this.#starting.start(container, false);
        life.restartsOnRequest = false;
      });
    } catch (error) {
      const container = this.#registry.byId(id);
      if (container?.hostConfig.AutoRemove === true && !isActive(container))
        await this.#removeUnlessRemoving(container);
      throw error;
    }
  }

  async stop(id: string, options: StopOptions): Promise<boolean> {
    const stopped = await this.#stopping.stop(id, options);
    const container = this.#registry.byId(id);
    if (stopped && container !== undefined) announce(this.#parts.events, container, 'stop');
    return stopped;
  }

  async restart(id: string, options: StopOptions): Promise<void> {
    const life = this.#lives.of(id);
    life.restartsOnRequest = true;
    try {
      await this.stop(id, options);
      await this.start(id);
    } finally {
      life.restartsOnRequest = false;
    }
    announce(this.#parts.events, this.#registry.get(id), 'restart');
  }

  comesBack(id: string): boolean {
    return this.#registry.byId(id)?.state.status === 'exited' && this.#lives.of(id).restartsOnRequest;
  }

  kill(container: Container, signal: number): Promise<void> {
    return this.#stopping.kill(container, signal);
  }

  pause({ id }: Container): Promise<void> {
    return this.#locks.run(id, async () => {
      const container = this.#registry.get(id);
      if (container.state.status === 'paused')
        throw conflict('container-paused', `Container ${id} is already paused`);
      if (container.state.status === 'restarting')
        throw conflict(
          'container-restarting',
          `Container ${id} is restarting, wait until the container is running`,
        );
      if (container.state.status !== 'running')
        throw conflict('container-not-running', `container ${id} is not running`);
      await this.#parts.runtime.pause(id);
      const now = this.#registry.get(id);
      announce(this.#parts.events, this.#registry.setState(now, { status: 'paused' }), 'pause');
    });
  }

  unpause({ id }: Container): Promise<void> {
    return this.#locks.run(id, async () => {
      const container = this.#registry.get(id);
      if (container.state.status !== 'paused')
        throw conflict('container-not-paused', `Container ${id} is not paused`);
      await this.#parts.runtime.resume(id);
      const now = this.#registry.get(id);
      announce(this.#parts.events, this.#registry.setState(now, { status: 'running' }), 'unpause');
    });
  }

  /** @throws conflict `removal-in-progress`, `container-running` */
  async remove(container: Container, options: { force?: boolean; volumes?: boolean }): Promise<void> {
    const { id, name } = container;
    const life = this.#lives.of(id);
    if (life.removal !== undefined)
      throw conflict('removal-in-progress', `removal of container ${id} is already in progress`);
    if (isActive(container) && options.force !== true)
      throw conflict(
        'container-running',
        `cannot remove container "${name}": container is ${stillActive(container.state.status)}`,
      );
    life.removal = this.#remove(id, options.volumes === true);
    try {
      await life.removal;
    } finally {
      life.removal = undefined;
    }
  }

  async #remove(id: string, volumes: boolean): Promise<void> {
    for (;;) {
      const container = this.#registry.byId(id);
      if (container === undefined) return;
      if (isActive(container)) await this.#stopping.stop(id, { timeout: 0, signal: 'SIGKILL' });
      const done = await this.#locks.run(id, async () => {
        const current = this.#registry.byId(id);
        if (current !== undefined && isActive(current)) return false;
        if (current !== undefined) await this.removing.remove(current, volumes);
        this.#execs.containerRemoved(id);
        return true;
      });
      if (done) return;
    }
  }

  /** Handles exits from now on, also those of which the monitor told before anybody listened. */
  watchExits(): void {
    const { runtime } = this.#parts;
    runtime.onExit((exit) => this.#exited(exit.id, Promise.resolve(exit)));
    for (const { id } of this.#registry.list().filter(hasProcess)) this.#exited(id, runtime.exitOf(id));
  }

  #exited(id: string, exit: Promise<TaskExit | undefined>): void {
    exit
      .then((known) => known && this.#settleExit(known))
      .catch((error: unknown) => this.#parts.report(`the exit of container ${id} was not handled`, error));
  }

  /** An exit is told once only: what cannot be recorded, as on a full disk, is tried until it can. */
  async #settleExit(exit: TaskExit): Promise<void> {
    for (let isTold = false; ; isTold = true)
      try {
        const ended = await this.#locks.run(exit.id, () => this.ending.end(exit));
        if (ended !== undefined) await this.afterEnd(ended);
        return;
      } catch (error) {
        if (!isTold) this.#parts.report(`the exit of container ${exit.id} is not handled yet`, error);
        if (!(await pause(this.#parts.clock, exitRetry, this.#over.signal))) return;
      }
  }

  /** What follows an exit: a restart, a removal, or nothing. */
  async afterEnd(ended: Container): Promise<void> {
    if (ended.state.status === 'restarting') this.restartLater(ended);
    else if (ended.hostConfig.AutoRemove === true && !this.#lives.of(ended.id).restartsOnRequest)
      await this.#removeUnlessRemoving(ended);
  }

  /** The container goes on running from before the daemon's start. */
  adopt(container: Container): void {
    this.#lives.of(container.id).begin();
    this.#health.begin(container);
  }

  /** Sends what a stop or crash of the daemon left unsent, and goes on while the container runs. */
  goOnSending(container: Container): void {
    if (container.state.startedAt === never) return;
    const ended = hasProcess(container) ? this.#lives.of(container.id).ended : Promise.resolve();
    this.forwarding.begin(container, ended);
  }

  /** Starts a container, after the pause that it asks for or Docker's back-off, until it runs or somebody stops it. */
  restartLater(container: Container): void {
    const { id } = container;
    const life = this.#lives.of(id);
    const ranFor = Date.parse(container.state.finishedAt) - Date.parse(container.state.startedAt);
    life.restartDelay = nextDelay(life.restartDelay, ranFor, askedDelay(container.hostConfig));
    life.restartTimer = new AbortController();
    const { signal } = life.restartTimer;
    this.#parts.clock
      .sleep(life.restartDelay, signal)
      .then(() => this.#restartNow(id))
      .catch((error: unknown) => {
        if (!signal.aborted) this.#parts.report(`container ${id} was not restarted`, error);
      });
  }

  async #restartNow(id: string): Promise<void> {
    await this.#locks.run(id, async () => {
      const container = this.#registry.byId(id);
      if (container?.state.status !== 'restarting' || this.#over.signal.aborted) return;
      try {
        await this.#starting.start(container, true);
      } catch (error) {
        this.#parts.report(`container ${id} was not restarted`, error);
        this.#tryAgain(id);
      }
    });
  }

  /** What the restart needed may come back (a port, a mount): the policy goes on. */
  #tryAgain(id: string): void {
    const failed = this.#registry.byId(id);
    if (failed === undefined) return;
    const { state } = failed;
    const finishedAt = this.#parts.clock.timestamp();
    const waiting = {
      status: 'restarting',
      startedAt: finishedAt,
      finishedAt,
      restartCount: state.restartCount + 1,
    } as const;
    this.restartLater(this.#registry.setState(failed, waiting));
  }

  async #removeUnlessRemoving(container: Container): Promise<void> {
    if (this.#lives.of(container.id).removal !== undefined) return;
    await this.remove(container, { volumes: true });
  }
}

function stillActive(status: Container['state']['status']): string {
  return status === 'paused'
    ? 'paused and must be unpaused first'
    : `${status}: stop the container before removing or force remove`;
}

function refuseStart(container: Container): void {
  const { status } = container.state;
  if (status === 'paused')
    throw conflict('container-paused', 'cannot start a paused container, try unpause instead');
  if (hasProcess(container) || status === 'restarting')
    throw unchanged('already-running', `container ${container.name} is already running`);
  if (status === 'removing' || status === 'dead')
    throw conflict('container-removing', 'container is marked for removal and cannot be started');
}
