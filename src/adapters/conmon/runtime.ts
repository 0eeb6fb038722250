import { constants } from 'node:fs';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { conflict, systemCode } from '#base/errors.ts';
import type { ProcessSpec, RuntimeSpec } from '#domain/container/runtime-spec.ts';
import type { Cgroups } from '#ports/cgroups.ts';
import type { CreateTask, ExecProcess, Runtime, Stdio, TaskExit, TaskState } from '#ports/runtime.ts';
import { Attachment } from './attachment.ts';
import { readIfThere, TaskFiles, type TaskRecord } from './bundle.ts';
import { Crun, type CrunState } from './crun.ts';
import { startExec } from './exec.ts';
import { resizeConsole } from './console.ts';
import { ExitWatcher, lostExit, readExit, writeLostExit } from './exits.ts';
import { type MonitorSettings, startMonitor } from './monitor.ts';
import { MonitorWatches } from './monitor-watches.ts';
import { isAlive, kill, livingMonitor } from './processes.ts';
import { endTask, removeTask, type RemovalParts } from './removal.ts';
import { SeccompCache } from './seccomp-cache.ts';

export interface ConmonRuntimeOptions {
  /** The instance's run folder (absolute); bundles/, crun/, exits/ and execs/ are made in it. */
  run: string;
  cgroups: Cgroups;
  /** Where a container's log file is (`LogStore.path`). */
  logPath: (id: string) => string;
  /** Says what went wrong in the background. */
  report: (problem: string, error: unknown) => void;
  /** Programs; the defaults are where Debian has them. */
  conmon?: string;
  crun?: string;
}

/** The port Runtime with conmon and crun. */
export class ConmonRuntime implements Runtime {
  readonly name = 'crun';
  readonly #files: TaskFiles;
  readonly #crun: Crun;
  readonly #cgroups: Cgroups;
  readonly #monitor: MonitorSettings;
  readonly #listeners = new Set<(exit: TaskExit) => void>();
  readonly #exits: ExitWatcher;
  readonly #monitors: MonitorWatches;
  readonly #filters: SeccompCache;

  private constructor(options: ConmonRuntimeOptions, files: TaskFiles) {
    this.#files = files;
    this.#crun = new Crun(options.crun ?? '/usr/bin/crun', files.runtimeRoot);
    this.#cgroups = options.cgroups;
    this.#monitor = {
      program: options.conmon ?? '/usr/bin/conmon',
      crun: this.#crun,
      files,
      logPath: options.logPath,
    };
    this.#filters = new SeccompCache(files);
    this.#exits = new ExitWatcher(files, (id) => void this.#tell(id));
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
    await Promise.all(ids.map((id) => runtime.#monitors.watch(id)));
    return runtime;
  }

  /** Without its monitor a task's output would go nowhere and its end be seen by nobody: it is ended. */
  async #monitorEnded(id: string): Promise<void> {
    const record = this.#files.readRecord(id);
    if (record === undefined || readExit(this.#files, id) !== undefined) return;
    // One that was never made has nothing to end.
    if (this.#crun.state(id) === undefined) return;
    await endTask(this.#removal, id, record);
    await writeLostExit(this.#files, id);
  }

  async version(): Promise<{ runtime: string; monitor: string; commit: string }> {
    const [crun, { stdout }] = await Promise.all([
      this.#crun.version(),
      promisify(execFile)(this.#monitor.program, ['--version']),
    ]);
    return {
      runtime: crun.version,
      monitor: /version (\S+)/.exec(stdout)?.[1] ?? 'unknown',
      commit: crun.commit,
    };
  }

  async create(task: CreateTask): Promise<{ pid: number }> {
    this.#files.writeBundle(task, this.#filters.prepare(task.spec));
    try {
      const pid = await startMonitor(this.#monitor, task);
      await this.#monitors.watch(task.id);
      this.#filters.learn(task.id, task.spec);
      return { pid };
    } catch (error) {
      await this.delete(task.id);
      throw error;
    }
  }

  start(id: string): Promise<void> {
    return new Promise((resolve) => {
      this.#crun.release(id);
      resolve();
    });
  }

  signal(id: string, signal: number): Promise<void> {
    return new Promise((resolve) => {
      if (!kill(this.#running(id).pid, signal)) throw notRunning(id);
      resolve();
    });
  }

  async pause(id: string): Promise<void> {
    this.#running(id);
    await this.#crun.run('pause', id);
  }

  async resume(id: string): Promise<void> {
    this.#running(id);
    await this.#crun.run('resume', id);
  }

  async delete(id: string): Promise<void> {
    await this.#monitors.forget(id);
    await removeTask(this.#removal, id);
    this.#exits.forget(id);
  }

  get #removal(): RemovalParts {
    return { files: this.#files, crun: this.#crun, cgroups: this.#cgroups };
  }

  async observe(id: string): Promise<TaskState> {
    const record = this.#files.readRecord(id);
    if (record === undefined) return { status: 'absent', pid: 0 };
    const state = this.#crun.state(id);
    if (state === undefined || !isAlive(state)) return { status: 'stopped', pid: 0 };
    const { pid } = state;
    if (await this.#crun.isWaiting(id, pid)) return { status: 'created', pid };
    const paused = await this.#cgroups.isFrozen(record.cgroupPath);
    return { status: paused ? 'paused' : 'running', pid };
  }

  async exitOf(id: string): Promise<TaskExit | undefined> {
    const exit = readExit(this.#files, id) ?? lostExit(this.#files, this.#crun, id);
    if (exit === undefined) return undefined;
    return { id, ...exit, ...(await this.#memoryOf(id)) };
  }

  /** conmon notes that memory ran out; where it could not watch (a hybrid tree), the group still counts. */
  async #memoryOf(id: string): Promise<Pick<TaskExit, 'oomKilled' | 'memory'>> {
    const noted = readIfThere(this.#files.inBundle(id, 'oom')) !== undefined;
    const path = this.#files.readRecord(id)?.cgroupPath;
    if (!noted && (path === undefined || this.#cgroups.oomKills(path) === 0)) return { oomKilled: false };
    const usage = path === undefined ? undefined : await this.#cgroups.usage(path);
    if (usage === undefined) return { oomKilled: true };
    const { limit, peak } = usage.memory;
    return { oomKilled: true, memory: { limit, peak } };
  }

  onExit(listener: (exit: TaskExit) => void): void {
    this.#listeners.add(listener);
  }

  async #tell(id: string): Promise<void> {
    const exit = await this.exitOf(id);
    // A task that was deleted in the meantime has nobody who waits for it.
    if (exit !== undefined) for (const listener of this.#listeners) listener(exit);
  }

  async list(): Promise<string[]> {
    const [bundles, states] = await Promise.all([
      readdir(this.#files.bundles),
      readdir(this.#files.runtimeRoot),
    ]);
    return [...new Set([...bundles, ...states])];
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
    await this.#control(id, '2 0 0\n');
  }

  /** conmon reads from its FIFO until it ends; without a reader there is nobody to tell. */
  async #control(id: string, message: string): Promise<void> {
    try {
      const fifo = await open(this.#files.inBundle(id, 'ctl'), constants.O_WRONLY | constants.O_NONBLOCK);
      await fifo.write(message).finally(() => fifo.close());
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'ENOENT' && code !== 'ENXIO') throw error;
    }
  }

  async exec(id: string, process: ProcessSpec, io: { tty: boolean; stdin: boolean }): Promise<ExecProcess> {
    this.#running(id);
    return await startExec(this.#crun, this.#files, { id, process, ...io });
  }

  async processes(id: string): Promise<number[]> {
    const record = this.#files.readRecord(id);
    return record === undefined ? [] : this.#cgroups.processes(record.cgroupPath);
  }

  async update(id: string, resources: RuntimeSpec['linux']['resources']): Promise<void> {
    this.#running(id);
    // Without the device rules: they stand, and would be appended once more.
    const limits = { ...resources };
    delete limits.devices;
    const file = join(this.#files.execs, `${randomUUID()}.json`);
    try {
      await writeFile(file, JSON.stringify(limits), { mode: 0o600 });
      await this.#crun.run('update', '--resources', file, id);
    } finally {
      await rm(file, { force: true });
    }
  }

  close(): Promise<void> {
    this.#exits.close();
    this.#monitors.close();
    this.#crun.close();
    return Promise.resolve();
  }

  #record(id: string): TaskRecord {
    const record = this.#files.readRecord(id);
    if (record === undefined) throw notRunning(id);
    return record;
  }

  #running(id: string): CrunState {
    const state = this.#crun.state(id);
    if (state === undefined || !isAlive(state)) throw notRunning(id);
    return state;
  }
}

function notRunning(id: string): Error {
  return conflict('task-not-running', `Container ${id} is not running`);
}
