import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HostCgroups } from '#adapters/cgroups/host-cgroups.ts';
import { ConmonRuntime } from '#adapters/conmon/runtime.ts';
import { newId } from '#base/ids.ts';
import { capabilitiesInMask } from '#domain/container/capabilities.ts';
import type { ContainerConfig, HostConfig } from '#domain/container/config.ts';
import type { Container } from '#domain/container/container.ts';
import { buildSpec } from '#domain/container/spec.ts';
import type { HostFacts, SpecInput } from '#domain/container/spec-input.ts';
import type { RuntimeSpec } from '#domain/container/runtime-spec.ts';
import { resolveUser } from '#domain/container/user.ts';
import type { CreateTask, TaskExit } from '#ports/runtime.ts';
import { makeRootfs } from './rootfs.ts';

/** Facts of a typical host, for specifications in tests. */
export function testFacts(): HostFacts {
  const bounding = /CapBnd:\s+(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const cgroups = new HostCgroups();
  return {
    cgroupVersion: cgroups.version,
    controllers: cgroups.controllers,
    swapAccounting: true,
    hardLimits: {},
    capabilities: capabilitiesInMask(bounding),
    architecture: process.arch === 'arm64' ? 'arm64' : 'x64',
    kernel: { major: 6, minor: 1 },
    blkioWeight: false,
    cpus: { count: 2, online: '0-1', nodes: '0' },
    topology: [{ id: 0, cpus: [0, 1], memory: 0 }],
    apparmor: false,
  };
}

export interface TaskOptions {
  config?: ContainerConfig;
  hostConfig?: HostConfig;
  input?: Partial<SpecInput>;
}

export function testContainer(id: string, command: string[], options: TaskOptions = {}): Container {
  const [path = '', ...args] = command;
  return {
    id,
    name: 'test',
    created: '2026-01-01T00:00:00.000000000Z',
    imageId: '',
    imageName: '',
    platform: 'linux',
    config: { Hostname: 'box', ...options.config },
    hostConfig: options.hostConfig ?? {},
    path,
    args,
    mounts: [],
    endpoints: [],
    ports: [],
    state: {
      status: 'created',
      pid: 0,
      exitCode: 0,
      error: '',
      oomKilled: false,
      startedAt: '',
      finishedAt: '',
      restartCount: 0,
      stoppedByUser: false,
    },
  };
}

export interface StartedTask {
  id: string;
  pid: number;
}

/** An instance of its own: run folder, root file system, control groups, runtime. Frees all of it at the end. */
export class TaskBench implements AsyncDisposable {
  readonly folder: string;
  readonly cgroupParent = `/berth-test-${randomBytes(4).toString('hex')}`;
  readonly cgroups = new HostCgroups();
  readonly runtime: ConmonRuntime;
  readonly #exits = new Map<string, PromiseWithResolvers<TaskExit>>();

  private constructor(folder: string, runtime: ConmonRuntime) {
    this.folder = folder;
    this.runtime = runtime;
    runtime.onExit((exit) => this.#slot(exit.id).resolve(exit));
  }

  /** @param runtime the OCI runtime of its tasks */
  static async make(runtime?: 'crun' | 'runc'): Promise<TaskBench> {
    const folder = mkdtempSync(join(tmpdir(), 'berth-runtime-'));
    makeRootfs(join(folder, 'rootfs'));
    mkdirSync(join(folder, 'logs'));
    return new TaskBench(folder, await openRuntime(folder, runtime));
  }

  #slot(id: string): PromiseWithResolvers<TaskExit> {
    const slot = this.#exits.get(id) ?? Promise.withResolvers<TaskExit>();
    this.#exits.set(id, slot);
    return slot;
  }

  exited(id: string): Promise<TaskExit> {
    return this.#slot(id).promise;
  }

  log(id: string): string {
    return readFileSync(join(this.folder, 'logs', id), 'utf8');
  }

  /** What was printed, without the log's own words and with parts joined. */
  output(id: string, stream: 'stdout' | 'stderr' = 'stdout'): string {
    return this.log(id)
      .split('\n')
      .filter((line) => line.split(' ')[1] === stream)
      .map((line) => {
        const [, , tag = ''] = line.split(' ');
        const text = line.split(' ').slice(3).join(' ');
        return tag === 'P' ? text : `${text}\n`;
      })
      .join('');
  }

  task(command: string[], options: TaskOptions & Partial<CreateTask> = {}): CreateTask {
    const id = newId();
    const tty = options.tty ?? false;
    const container = testContainer(id, command, {
      ...options,
      config: { ...options.config, Tty: tty },
    });
    const spec = this.spec(container, options.input);
    return {
      id,
      spec,
      tty,
      stdin: options.stdin ?? false,
      stdinOnce: options.stdinOnce ?? false,
      log: options.log ?? true,
      ...(options.logFileBytes !== undefined && { logFileBytes: options.logFileBytes }),
    };
  }

  spec(container: Container, input: Partial<SpecInput> = {}): RuntimeSpec {
    const rootPath = join(this.folder, 'rootfs');
    const files = {
      passwd: readFileSync(join(rootPath, 'etc/passwd'), 'utf8'),
      group: readFileSync(join(rootPath, 'etc/group'), 'utf8'),
    };
    return buildSpec({
      container,
      rootPath,
      user: resolveUser(container.config.User ?? '', files, container.hostConfig.GroupAdd ?? []),
      namespaces: { network: 'private', pid: 'private', ipc: 'private', uts: 'private' },
      files: {},
      devices: [],
      blockDevices: {},
      cgroupParent: this.cgroupParent,
      host: testFacts(),
      ...input,
    });
  }

  async launch(command: string[], options: TaskOptions & Partial<CreateTask> = {}): Promise<StartedTask> {
    const task = this.task(command, options);
    const { pid } = await this.runtime.create(task);
    await this.runtime.start(task.id);
    return { id: task.id, pid };
  }

  /** Runs a command to its end. */
  async complete(
    command: string[],
    options: TaskOptions & Partial<CreateTask> = {},
  ): Promise<TaskExit & { stdout: string; stderr: string }> {
    const { id } = await this.launch(command, options);
    const exit = await this.exited(id);
    return { ...exit, stdout: this.output(id), stderr: this.output(id, 'stderr') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of await this.runtime.list()) await this.runtime.delete(id);
    await this.runtime.close();
    await this.cgroups.remove(this.cgroupParent);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function openRuntime(folder: string, standard?: 'crun' | 'runc'): Promise<ConmonRuntime> {
  return ConmonRuntime.open({
    run: join(folder, 'run'),
    cgroups: new HostCgroups(),
    logPath: (id) => join(folder, 'logs', id),
    report: (problem) => assert.fail(problem),
    ...(standard === undefined ? {} : { standard }),
  });
}
