import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { conflict, systemCode } from '#base/errors.ts';
import type { ProcessSpec, RuntimeSpec } from '#domain/container/runtime-spec.ts';
import type { Cgroups } from '#ports/cgroups.ts';
import type {
  CreateTask,
  ExecProcess,
  Runtime,
  Stdio,
  TaskExit,
  TaskOom,
  TaskState,
} from '#ports/runtime.ts';
import { Attachment } from './attachment.ts';
import { type RuntimeName, TaskFiles, type TaskRecord } from './bundle.ts';
import { resizeConsole } from './console.ts';
import { removeCoreLink } from './core-link.ts';
import { changeLimits } from './limits.ts';
import { readExit, writeLostExit } from './exits.ts';
import { keptRoot, type MonitorSettings, startMonitor, tellMonitor } from './monitor.ts';
import { MonitorWatches } from './monitor-watches.ts';
import type { OciState } from './oci-runtime.ts';
import { OciRuntimes } from './oci-runtimes.ts';
import { OomWatches } from './oom-watches.ts';
import { isAlive, kill, livingMonitor } from './processes.ts';
import { endTask, removeTask, type RemovalParts } from './removal.ts';
import { giveStreams, userOnHost } from './stream-owner.ts';
import { SeccompCache } from './seccomp-cache.ts';
import { TaskExits } from './task-exits.ts';

export interface ConmonRuntimeOptions {
  /** The instance's run folder (absolute); bundles/, crun/, runc/, exits/ and execs/ are made in it. */
  run: string;
  cgroups: Cgroups;
  /** Where a container's log file is (`LogStore.path`). */
  logPath: (id: string) => string;
  /** Says what went wrong in the background. */
  report: (problem: string, error: unknown) => void;
  /** Programs; the defaults are where Debian has them. */
  conmon?: string;
  crun?: string;
  runc?: string;
  /** For tasks that ask for none; crun when absent. */
  standard?: RuntimeName;
  /** Tasks may have user namespaces of their own. */
  remapped?: boolean;
}

/** The port Runtime with conmon and crun, or runc for tasks that ask for it. */
export class ConmonRuntime implements Runtime {
  readonly name: RuntimeName;
  readonly #files: TaskFiles;
  readonly #runtimes: OciRuntimes;
  readonly #cgroups: Cgroups;
  readonly #monitor: Omit<MonitorSettings, 'runtime'>;
  readonly #ooms: OomWatches;
  readonly #exits: TaskExits;
  readonly #monitors: MonitorWatches;
  readonly #filters: SeccompCache;
  readonly #remapped: boolean;

  private constructor(options: ConmonRuntimeOptions, files: TaskFiles) {
    this.#files = files;
    this.name = options.standard ?? 'crun';
    this.#runtimes = new OciRuntimes(files, options);
    this.#cgroups = options.cgroups;
    this.#remapped = options.remapped === true;
    this.#monitor = {
      program: options.conmon ?? '/usr/bin/conmon',
      files,
      logPath: options.logPath,
    };
    this.#filters = new SeccompCache(files);
    this.#ooms = new OomWatches(options.cgroups, options.report);
    this.#exits = new TaskExits(files, this.#runtimes, options.cgroups, options.report);
    this.#monitors = new MonitorWatches(files, (id) =>
      this.#monitorEnded(id).catch((error: unknown) =>
        options.report(`container ${id}, whose monitor was killed, was not ended`, error),
      ),
    );
  }

  /** Makes the folders and begins to watch for exits. What ended before is told by `exitOf`. */
  static async open(options: ConmonRuntimeOptions): Promise<ConmonRuntime> {
    const files = new TaskFiles(options.run);
    await files.prepare();
    const runtime = new ConmonRuntime(options, files);
    const ids = await readdir(files.bundles);
    await Promise.all(ids.map((id) => runtime.#takeOver(id)));
    return runtime;
  }

  async #takeOver(id: string): Promise<void> {
    await this.#monitors.watch(id);
    const path = this.#files.readRecord(id)?.cgroupPath;
    const usage = path === undefined ? undefined : await this.#cgroups.usage(path);
    if (path !== undefined && (usage?.memory.limit ?? 0) > 0) this.#ooms.watch(id, path);
  }

  /** Without its monitor a task's output would go nowhere and its end be seen by nobody: it is ended. */
  async #monitorEnded(id: string): Promise<void> {
    const record = this.#files.readRecord(id);
    if (record === undefined || readExit(this.#files, id) !== undefined) return;
    // One that was never made has nothing to end.
    if (this.#runtimes.of(id).state(id) === undefined) return;
    await endTask(this.#removal(id), id, record);
    await writeLostExit(this.#files, id);
  }

  get names(): readonly RuntimeName[] {
    return this.#runtimes.names;
  }

  async version(): Promise<{ runtime: string; monitor: string; commit: string }> {
    const [{ version, commit }, { stdout }] = await Promise.all([
      this.#runtimes.named(this.name).version(),
      promisify(execFile)(this.#monitor.program, ['--version']),
    ]);
    return {
      runtime: version,
      monitor: /version (\S+)/.exec(stdout)?.[1] ?? 'unknown',
      commit,
    };
  }

  async create(asked: CreateTask): Promise<{ pid: number }> {
    const task = { ...asked, runtime: asked.runtime ?? this.name };
    const runtime = this.#runtimes.named(task.runtime);
    this.#files.writeBundle(task, runtime.name === 'crun' ? this.#filters.prepare(task.spec) : task.spec);
    try {
      const pid = await startMonitor({ ...this.#monitor, runtime }, task);
      await this.#monitors.watch(task.id);
      if (this.#remapped) giveStreams(pid, task.spec.process.user);
      this.#watchMemory(task.id, task.spec.linux.cgroupsPath, task.spec.linux.resources);
      if (runtime.name === 'crun') {
        this.#filters.learn(task.id, task.spec);
        await removeCoreLink(pid, task.spec);
      }
      return { pid };
    } catch (error) {
      await this.delete(task.id);
      throw error;
    }
  }

  #watchMemory(id: string, cgroupPath: string, { memory }: RuntimeSpec['linux']['resources']): void {
    if ((memory?.limit ?? 0) > 0) this.#ooms.watch(id, cgroupPath);
  }

  async start(id: string): Promise<void> {
    await this.#runtimes.of(id).release(id);
  }

  signal(id: string, signal: number): Promise<void> {
    return new Promise((resolve) => {
      if (!kill(this.#running(id).pid, signal)) throw notRunning(id);
      resolve();
    });
  }

  async pause(id: string): Promise<void> {
    this.#running(id);
    await this.#runtimes.of(id).run('pause', id);
  }

  async resume(id: string): Promise<void> {
    this.#running(id);
    await this.#runtimes.of(id).run('resume', id);
  }

  async delete(id: string): Promise<void> {
    this.#ooms.forget(id);
    const { gone } = await this.#monitors.forget(id);
    await removeTask(this.#removal(id), id);
    // The kernel writes out what a root file system has not yet on the disk when the last who keeps it goes.
    await gone;
    this.#exits.forget(id);
  }

  #removal(id: string): RemovalParts {
    return { files: this.#files, runtime: this.#runtimes.of(id), cgroups: this.#cgroups };
  }

  async observe(id: string): Promise<TaskState> {
    const record = this.#files.readRecord(id);
    if (record === undefined) return { status: 'absent', pid: 0 };
    const runtime = this.#runtimes.of(id);
    const state = runtime.state(id);
    if (state === undefined || !isAlive(state)) return { status: 'stopped', pid: 0 };
    const { pid } = state;
    if (await runtime.isWaiting(id, pid)) return { status: 'created', pid };
    const paused = await this.#cgroups.isFrozen(record.cgroupPath);
    return { status: paused ? 'paused' : 'running', pid };
  }

  exitOf(id: string): Promise<TaskExit | undefined> {
    return this.#exits.of(id);
  }

  onExit(listener: (exit: TaskExit) => void): void {
    this.#exits.onExit(listener);
  }

  onOom(listener: (oom: TaskOom) => void): void {
    this.#ooms.onOom(listener);
  }

  rootOf(id: string): string | undefined {
    if (this.#files.readRecord(id)?.keepsRoot !== true) return undefined;
    const monitor = livingMonitor(this.#files, id);
    return monitor === undefined ? undefined : keptRoot(monitor);
  }

  async list(): Promise<string[]> {
    const folders = [this.#files.bundles, ...Object.values(this.#files.roots)];
    const names = await Promise.all(folders.map((folder) => readdir(folder)));
    return [...new Set(names.flat())];
  }

  attach(id: string): Promise<Stdio> {
    return new Promise((resolve) => resolve(this.#attach(id)));
  }

  #attach(id: string): Stdio {
    const record = this.#record(id);
    try {
      return new Attachment(this.#files.inBundle(id, 'attach'), record.closesStdin);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ECONNREFUSED') throw notRunning(id);
      throw error;
    }
  }

  resize(id: string, columns: number, rows: number): Promise<void> {
    return new Promise((resolve) => {
      this.#record(id);
      const monitor = livingMonitor(this.#files, id);
      if (monitor !== undefined) resizeConsole(monitor, columns, rows);
      resolve();
    });
  }

  async reopenLog(id: string): Promise<void> {
    await tellMonitor(this.#files.inBundle(id, 'ctl'), '2 0 0\n');
  }

  async exec(id: string, process: ProcessSpec, io: { tty: boolean; stdin: boolean }): Promise<ExecProcess> {
    const { pid } = this.#running(id);
    const owner = this.#remapped ? { owner: userOnHost(pid, process.user) } : {};
    return await this.#runtimes.of(id).exec(this.#files, { id, process, ...io, ...owner });
  }

  async processes(id: string): Promise<number[]> {
    const record = this.#files.readRecord(id);
    return record === undefined ? [] : this.#cgroups.processes(record.cgroupPath);
  }

  async update(id: string, resources: RuntimeSpec['linux']['resources']): Promise<void> {
    this.#running(id);
    await changeLimits(this.#runtimes.of(id), this.#files, id, resources);
    this.#watchMemory(id, this.#record(id).cgroupPath, resources);
  }

  close(): Promise<void> {
    this.#exits.close();
    this.#monitors.close();
    this.#ooms.close();
    this.#runtimes.close();
    return Promise.resolve();
  }

  #record(id: string): TaskRecord {
    const record = this.#files.readRecord(id);
    if (record === undefined) throw notRunning(id);
    return record;
  }

  #running(id: string): OciState {
    const state = this.#runtimes.of(id).state(id);
    if (state === undefined || !isAlive(state)) throw notRunning(id);
    return state;
  }
}

function notRunning(id: string): Error {
  return conflict('task-not-running', `Container ${id} is not running`);
}
