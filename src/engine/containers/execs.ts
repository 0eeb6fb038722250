import type { Container } from '#domain/container/container.ts';
import type { Exec, ExecConfig } from '#engine/contracts.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { Roots } from '#engine/containers/roots.ts';
import type { ResolvedUser } from '#domain/container/user.ts';
import { execProcess } from '#domain/container/process.ts';
import { announce } from '#engine/containers/announcer.ts';
import { variablesOfLinks } from '#engine/containers/linking.ts';
import { userOf } from '#engine/containers/specifying.ts';
import { newId } from '#base/ids.ts';
import { BerthError, conflict, invalid, notFound } from '#base/errors.ts';
import type { ExecProcess } from '#ports/runtime.ts';

interface Entry {
  exec: Exec;
  started: boolean;
  user: ResolvedUser;
  /** Asked for before the start. */
  size?: [columns: number, rows: number];
  process?: ExecProcess;
}

export interface ExecIo {
  tty: boolean;
  stdin: boolean;
  consoleSize?: [number, number];
}

/** Of what a process needs: its exit code is 127 then. */
const missing: readonly string[] = ['executable-not-found', 'working-dir-missing'];

/** Ended execs that can still be inspected, for each container. */
const keptEnded = 50;

/** Further processes in running containers. They live in memory only: an exec does not outlive the daemon. */
export class Execs {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #roots: Roots;
  readonly #entries = new Map<string, Entry>();

  constructor(parts: ContainerParts, registry: ContainerRegistry, roots: Roots) {
    this.#parts = parts;
    this.#registry = registry;
    this.#roots = roots;
  }

  /** @throws conflict `container-not-running`, `container-paused`; invalid `exec-command-missing`; as resolveUser */
  async create(ref: string, config: ExecConfig): Promise<Exec> {
    const container = this.#running(ref);
    this.#parts.cgroups.expectMove();
    if (config.Cmd.length === 0) throw invalid('exec-command-missing', 'No exec command specified');
    const exec: Exec = {
      id: newId(),
      containerId: container.id,
      config,
      running: false,
      exitCode: null,
      pid: 0,
    };
    const user = await this.#userOf(container, config);
    this.#entries.set(exec.id, { exec, started: false, user });
    this.#event(exec, `exec_create: ${shownCommand(config)}`);
    return exec;
  }

  /** @throws not-found `exec-missing` */
  get(id: string): Exec {
    return this.#entry(id).exec;
  }

  idsOf(containerId: string): string[] {
    return this.#of(containerId)
      .filter(({ exec }) => exec.exitCode === null)
      .map(({ exec }) => exec.id);
  }

  /** @throws not-found `exec-missing`; conflict `exec-started`, `container-not-running`, `container-paused` */
  check(id: string): void {
    this.#startable(id);
  }

  #startable(id: string): { entry: Entry; container: Container } {
    const entry = this.#entry(id);
    if (entry.started) throw conflict('exec-started', `exec command ${id} has already run`);
    return { entry, container: this.#running(entry.exec.containerId) };
  }

  async #userOf(container: Container, config: ExecConfig): Promise<ResolvedUser> {
    const root = await this.#roots.ofRunning(container.id);
    try {
      return await userOf(this.#parts.host, container, root, config.User || container.config.User || '');
    } catch (error) {
      // Its root goes with it.
      const { status } = await this.#parts.runtime.observe(container.id);
      throw status === 'stopped' || status === 'absent' ? notRunning(container.id) : error;
    }
  }

  /** @throws as check and Runtime.exec */
  async start(id: string, io: ExecIo): Promise<ExecProcess> {
    const { entry, container } = this.#startable(id);
    entry.started = true;
    try {
      const process = await this.run(container, entry.exec.config, io, entry.user);
      this.#began(entry, process);
      return process;
    } catch (error) {
      const isMissing = error instanceof BerthError && missing.includes(error.code);
      entry.exec = { ...entry.exec, exitCode: isMissing ? 127 : 126 };
      throw error;
    }
  }

  /** Runs a process without an entry of its own, as health probes are. */
  async run(
    container: Container,
    config: ExecConfig,
    io: ExecIo,
    known?: ResolvedUser,
  ): Promise<ExecProcess> {
    const { host, runtime, cgroups } = this.#parts;
    cgroups.expectMove();
    const user = known ?? (await this.#userOf(container, config));
    const process = execProcess({
      container,
      user,
      linked: variablesOfLinks(container, (ref) => this.#registry.find(ref)),
      host: host.facts,
      args: config.Cmd,
      tty: io.tty,
      privileged: config.Privileged === true,
      env: config.Env ?? [],
      cwd: config.WorkingDir ?? '',
      consoleSize: io.consoleSize ?? config.ConsoleSize ?? null,
    });
    return runtime.exec(container.id, process, { tty: io.tty, stdin: io.stdin });
  }

  detached(id: string): void {
    this.#event(this.get(id), 'exec_detach');
  }

  async resize(id: string, columns: number, rows: number): Promise<void> {
    const entry = this.#entry(id);
    const { process, exec } = entry;
    if (!entry.started || (process === undefined && exec.exitCode === null)) {
      entry.size = [columns, rows];
      return;
    }
    if (process === undefined || !exec.running)
      throw conflict('exec-not-running', `exec ${id} is not running`);
    await process.resize(columns, rows);
  }

  /** The kernel ended them together with the container's main process. */
  containerEnded(containerId: string): void {
    for (const entry of this.#of(containerId)) if (!entry.started) this.#entries.delete(entry.exec.id);
  }

  containerRemoved(containerId: string): void {
    for (const { exec } of this.#of(containerId)) this.#entries.delete(exec.id);
  }

  #began(entry: Entry, process: ExecProcess): void {
    entry.process = process;
    if (entry.size !== undefined && entry.exec.config.Tty === true)
      process.resize(...entry.size).catch((error: unknown) => {
        this.#parts.report(`exec ${entry.exec.id} does not take the size of its terminal`, error);
      });
    entry.exec = { ...entry.exec, running: true, pid: process.pid };
    this.#event(entry.exec, `exec_start: ${shownCommand(entry.exec.config)}`);
    process.exit.then(
      ({ exitCode }) => this.#ended(entry, exitCode),
      (error: unknown) => {
        this.#parts.report(`exec ${entry.exec.id} ended without an exit code`, error);
        this.#ended(entry, 137);
      },
    );
  }

  #ended(entry: Entry, exitCode: number): void {
    entry.exec = { ...entry.exec, running: false, exitCode };
    delete entry.process;
    this.#event(entry.exec, 'exec_die', { exitCode: String(exitCode) });
    const ended = this.#of(entry.exec.containerId).filter(({ exec }) => exec.exitCode !== null);
    for (const { exec } of ended.slice(0, Math.max(0, ended.length - keptEnded)))
      this.#entries.delete(exec.id);
  }

  #of(containerId: string): Entry[] {
    return [...this.#entries.values()].filter(({ exec }) => exec.containerId === containerId);
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    throw notFound('exec-missing', `No such exec instance: ${id}`);
  }

  #running(ref: string): Container {
    const container = this.#registry.get(ref);
    const { status } = container.state;
    if (status === 'paused')
      throw conflict(
        'container-paused',
        `Container ${container.name} is paused, unpause the container before exec`,
      );
    if (status === 'restarting')
      throw conflict(
        'container-restarting',
        `Container ${container.id} is restarting, wait until the container is running`,
      );
    if (status !== 'running') throw notRunning(container.id);
    return container;
  }

  #event(exec: Exec, action: string, more: Record<string, string> = {}): void {
    const container = this.#registry.byId(exec.containerId);
    if (container !== undefined)
      announce(this.#parts.events, container, action, { execID: exec.id, ...more });
  }
}

function notRunning(id: string): Error {
  return conflict('container-not-running', `container ${id} is not running`);
}

/** As Docker's events show it, with a space after a program without arguments. */
function shownCommand({ Cmd: [program = '', ...args] }: ExecConfig): string {
  return `${program} ${args.join(' ')}`;
}
