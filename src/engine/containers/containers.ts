import type { Container } from '#domain/container/container.ts';
import type { EndpointRequest, Resources, RestartPolicy } from '#domain/container/config.ts';
import type * as contracts from '#engine/contracts.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { LogEntry, LogQuery } from '#ports/log-store.ts';
import type { EtcPaths } from '#ports/container-files.ts';
import type { PathStat } from '#ports/root-files.ts';
import type { ExecProcess } from '#ports/runtime.ts';
import type { Change } from '#ports/snapshotter.ts';
import type { Readable } from 'node:stream';
import { ownChanges } from '#domain/container/own-changes.ts';
import { parseSignal } from '#domain/container/signals.ts';
import { hasProcess, isActive } from '#domain/container/state.ts';
import { announce } from '#engine/containers/announcer.ts';
import { Connecting } from '#engine/containers/connecting.ts';
import { Creating } from '#engine/containers/creating.ts';
import { joinsContainer } from '#engine/containers/endpoints.ts';
import { Execs, type ExecIo } from '#engine/containers/execs.ts';
import { LifeCycle } from '#engine/containers/life-cycle.ts';
import { Lives, type Outcome } from '#engine/containers/lives.ts';
import { LogRotation } from '#engine/containers/log-rotation.ts';
import { Observing } from '#engine/containers/observing.ts';
import { Pruning } from '#engine/containers/pruning.ts';
import { Reconciling } from '#engine/containers/reconciling.ts';
import { ContainerRegistry } from '#engine/containers/registry.ts';
import { Renaming } from '#engine/containers/renaming.ts';
import { RootAccess } from '#engine/containers/root-access.ts';
import { Roots } from '#engine/containers/roots.ts';
import { Updating } from '#engine/containers/updating.ts';
import { tellUses } from '#engine/containers/uses.ts';
import { KeyedMutex } from '#base/mutex.ts';
import { conflict, unchanged, within } from '#base/errors.ts';

/** The noun's front: each verb finds the container and hands over to the part that knows how. */
export class Containers implements contracts.Containers {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #lives = new Lives();
  readonly #execs: Execs;
  readonly #creating: Creating;
  readonly #cycle: LifeCycle;
  readonly #observing: Observing;
  readonly #rootAccess: RootAccess;
  readonly #connecting: Connecting;
  readonly #updating: Updating;
  readonly #renaming: Renaming;
  readonly #pruning: Pruning;
  readonly #rotation: LogRotation;

  constructor(parts: ContainerParts) {
    this.#parts = parts;
    this.#registry = new ContainerRegistry(parts.store);
    const locks = new KeyedMutex();
    const roots = new Roots(parts, this.#registry, locks);
    this.#execs = new Execs(parts, this.#registry, roots);
    this.#creating = new Creating(parts, this.#registry);
    this.#cycle = new LifeCycle(parts, this.#registry, this.#lives, locks, this.#execs, roots);
    this.#observing = new Observing(parts);
    this.#rootAccess = new RootAccess(parts, roots);
    this.#connecting = new Connecting(parts, this.#registry, locks);
    this.#updating = new Updating(parts, this.#registry, locks);
    this.#renaming = new Renaming(parts, this.#registry, locks);
    this.#pruning = new Pruning(parts, this.#registry, this.#cycle);
    this.#rotation = new LogRotation(parts, this.#registry);
    tellUses(parts, this.#registry);
  }

  /**
   * Loads the records and brings them and the host together. To be called once, after the other nouns have started.
   * @param isCaredFor containers that others start again, instead of their restart policy
   */
  async open(isCaredFor: (container: Container) => boolean = () => false): Promise<void> {
    this.#parts.runtime.onOom((oom) => this.#cycle.ending.outOfMemory(oom));
    await new Reconciling(this.#parts, this.#registry, this.#cycle, isCaredFor).run();
    // Only now: an exit that is handled in between would change what is being brought together.
    this.#cycle.watchExits();
    this.#rotation.begin();
  }

  /** Stops watching; containers go on. */
  async close(): Promise<void> {
    this.#rotation.close();
    await this.#cycle.close();
  }

  get(ref: string): Container {
    return this.#registry.get(ref);
  }

  find(ref: string): Container | undefined {
    return this.#registry.find(ref);
  }

  list(): Container[] {
    return this.#registry.list();
  }

  create(request: contracts.CreateContainer): Promise<{ id: string; warnings: string[] }> {
    return this.#creating.create(request);
  }

  start(ref: string): Promise<void> {
    return this.#cycle.start(this.get(ref).id);
  }

  async stop(ref: string, options: contracts.StopOptions = {}): Promise<void> {
    const container = this.get(ref);
    if (!(await this.#stopNamed(ref, container.id, options)))
      throw unchanged('already-stopped', `container ${container.name} is not running`);
  }

  async #stopNamed(ref: string, id: string, options: contracts.StopOptions): Promise<boolean> {
    try {
      return await this.#cycle.stop(id, options);
    } catch (error) {
      throw within(`cannot stop container: ${ref}`, error);
    }
  }

  restart(ref: string, options: contracts.StopOptions = {}): Promise<void> {
    return this.#cycle.restart(this.get(ref).id, options);
  }

  comesBack(id: string): boolean {
    return this.#cycle.comesBack(id);
  }

  async kill(ref: string, signal = 'SIGKILL'): Promise<void> {
    try {
      await this.#cycle.kill(this.get(ref), parseSignal(signal || 'SIGKILL'));
    } catch (error) {
      throw within(`cannot kill container: ${ref}`, error);
    }
  }

  pause(ref: string): Promise<void> {
    return this.#cycle.pause(this.get(ref));
  }

  unpause(ref: string): Promise<void> {
    return this.#cycle.unpause(this.get(ref));
  }

  rename(ref: string, name: string): Promise<void> {
    return this.#renaming.rename(this.get(ref).id, name);
  }

  remove(ref: string, options: { force?: boolean; volumes?: boolean } = {}): Promise<void> {
    return this.#cycle.remove(this.get(ref), options);
  }

  wait(ref: string, condition: contracts.WaitCondition, signal: AbortSignal): Promise<Outcome> {
    const container = this.get(ref);
    if (condition === 'not-running' && !isActive(container))
      return Promise.resolve({ exitCode: container.state.exitCode });
    return this.#lives.of(container.id).wait(condition, signal);
  }

  attach(ref: string): contracts.Attachment {
    const container = this.get(ref);
    const { status } = container.state;
    if (status === 'paused')
      throw conflict(
        'container-paused',
        `container ${container.id} is paused, unpause the container before attach`,
      );
    if (status === 'restarting')
      throw conflict(
        'container-restarting',
        `container ${container.id} is restarting, wait until the container is running`,
      );
    announce(this.#parts.events, container, 'attach');
    const life = this.#lives.of(container.id);
    return status === 'running' ? life.join(this.#parts.runtime.attach(container.id)) : life.place();
  }

  detached(ref: string): void {
    if (this.find(ref) !== undefined) this.#told(ref, 'detach');
  }

  /** The container, after its event. */
  #told(ref: string, action: string): Container {
    const container = this.get(ref);
    announce(this.#parts.events, container, action);
    return container;
  }

  async resize(ref: string, columns: number, rows: number): Promise<void> {
    const container = this.get(ref);
    if (!hasProcess(container))
      throw conflict('container-not-running', `container ${container.id} is not running`);
    await this.#parts.runtime.resize(container.id, columns, rows);
    announce(this.#parts.events, container, 'resize', { height: String(rows), width: String(columns) });
  }

  unlink(ref: string, alias: string): Promise<void> {
    return this.#connecting.unlink(this.get(ref).id, alias);
  }

  connect(ref: string, network: string, request: EndpointRequest): Promise<void> {
    return this.#connecting.connect(this.get(ref).id, network, request);
  }

  disconnect(ref: string, network: string, force: boolean): Promise<void> {
    return this.#connecting.disconnect(this.get(ref).id, network, force);
  }

  createExec(ref: string, config: contracts.ExecConfig): Promise<contracts.Exec> {
    return this.#execs.create(ref, config);
  }

  getExec(id: string): contracts.Exec {
    return this.#execs.get(id);
  }

  checkExec(id: string): void {
    this.#execs.check(id);
  }

  startExec(id: string, io: ExecIo): Promise<ExecProcess> {
    return this.#execs.start(id, io);
  }

  execDetached(id: string): void {
    this.#execs.detached(id);
  }

  resizeExec(id: string, columns: number, rows: number): Promise<void> {
    return this.#execs.resize(id, columns, rows);
  }

  execsOf(id: string): string[] {
    return this.#execs.idsOf(id);
  }

  update(ref: string, changes: Resources & { RestartPolicy?: RestartPolicy }): Promise<string[]> {
    return this.#updating.update(this.get(ref).id, changes);
  }

  prune(wanted: (container: Container) => boolean): Promise<{ removed: string[]; reclaimed: number }> {
    return this.#pruning.prune(wanted);
  }

  top(ref: string, psArguments: string[]): Promise<{ titles: string[]; processes: string[][] }> {
    return this.#observing.top(this.#told(ref, 'top'), psArguments);
  }

  usage(ref: string): Promise<contracts.ContainerUsage | undefined> {
    return this.#observing.usage(this.get(ref));
  }

  /** With `follow` it ends with the output of the container's present run. */
  logs(ref: string, query: Omit<LogQuery, 'ended'>): AsyncIterable<LogEntry> {
    const container = this.get(ref);
    const ended = hasProcess(container) ? this.#lives.of(container.id).outputEnded : Promise.resolve();
    return this.#parts.logs.read(container.id, { ...query, ended });
  }

  sizes(ref: string): Promise<{ own: number; root: number }> {
    return this.#rootAccess.sizes(this.get(ref));
  }

  async changes(ref: string): Promise<Change[]> {
    return ownChanges(await this.#parts.snapshotter.changes(this.get(ref).id));
  }

  exportRoot(ref: string): Promise<Readable> {
    return this.#rootAccess.exportRoot(this.#told(ref, 'export'));
  }

  statPath(ref: string, path: string): Promise<PathStat> {
    return this.#rootAccess.stat(this.get(ref), path);
  }

  packPath(ref: string, path: string): Promise<Readable> {
    return this.#rootAccess.pack(this.#told(ref, 'archive-path'), path);
  }

  unpackPath(
    ref: string,
    path: string,
    tar: Readable,
    options: { keepKinds: boolean; copyOwners: boolean },
  ): Promise<void> {
    return this.#rootAccess.unpack(this.#told(ref, 'extract-to-dir'), path, tar, options);
  }

  removePaths(ref: string, paths: readonly string[]): Promise<number> {
    return this.#rootAccess.remove(this.get(ref), paths);
  }

  pathsOf(container: Container): EtcPaths & { log: string } {
    const { files, logs } = this.#parts;
    return { ...files.paths(joinsContainer(container) ?? container.id), log: logs.path(container.id) };
  }

  setTraffic(ref: string, traffic: Container['traffic']): void {
    this.#registry.setTraffic(this.get(ref), traffic);
  }

  onChange(listener: (container: Container) => void): () => void {
    return this.#registry.onChange(listener);
  }
}
