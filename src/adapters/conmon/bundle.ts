import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '#base/errors.ts';
import type { ProcessSpec, RuntimeSpec } from '#domain/container/runtime-spec.ts';
import type { CreateTask } from '#ports/runtime.ts';

export type RuntimeName = 'crun' | 'runc';

/** What has to be known of a task after a restart of the daemon. */
export interface TaskRecord {
  cgroupPath: string;
  /** The OCI runtime that has it; absent: crun. */
  runtime?: string;
  /** conmon closes the container's stdin when any client's connection ends. */
  closesStdin: boolean;
  /** conmon keeps the root file system; absent: it does not. */
  keepsRoot?: boolean;
}

/**
 * The folders of one instance's tasks, below its run folder. Few small files in memory (tmpfs): read and written at once,
 * which takes a tenth of the time that the thread pool takes.
 */
export class TaskFiles {
  readonly bundles: string;
  /** Where each OCI runtime has its state. */
  readonly roots: Readonly<Record<RuntimeName, string>>;
  readonly exits: string;
  readonly execs: string;

  constructor(run: string) {
    this.bundles = join(run, 'bundles');
    this.roots = { crun: join(run, 'crun'), runc: join(run, 'runc') };
    this.exits = join(run, 'exits');
    this.execs = join(run, 'execs');
  }

  async prepare(): Promise<void> {
    await rm(this.execs, { recursive: true, force: true });
    for (const folder of [this.bundles, ...Object.values(this.roots), this.exits, this.execs])
      await mkdir(folder, { recursive: true, mode: 0o700 });
  }

  bundle(id: string): string {
    return join(this.bundles, id);
  }

  inBundle(id: string, name: 'attach' | 'ctl' | 'oom' | 'conmon.pid' | 'pid' | 'task.json'): string {
    return join(this.bundles, id, name);
  }

  state(id: string, runtime: RuntimeName = 'crun'): string {
    return join(this.roots[runtime], id);
  }

  exit(id: string): string {
    return join(this.exits, id);
  }

  writeBundle(task: CreateTask, spec: RuntimeSpec): TaskRecord {
    const record = {
      cgroupPath: spec.linux.cgroupsPath,
      ...(task.runtime === undefined ? {} : { runtime: task.runtime }),
      closesStdin: task.stdin && task.stdinOnce && !task.tty,
      ...(task.keepsRoot === true ? { keepsRoot: true } : {}),
    };
    mkdirSync(this.bundle(task.id), { recursive: true, mode: 0o700 });
    writeFileSync(join(this.bundle(task.id), 'config.json'), encode(spec), { mode: 0o600 });
    writeFileSync(this.inBundle(task.id, 'task.json'), JSON.stringify(record), { mode: 0o600 });
    return record;
  }

  /** Undefined when there is no such task. */
  readRecord(id: string): TaskRecord | undefined {
    const text = readIfThere(this.inBundle(id, 'task.json'));
    const parse: (text: string) => TaskRecord = JSON.parse;
    return text === undefined || text === '' ? undefined : parse(text);
  }

  remove(id: string): void {
    for (const path of [this.state(id), this.state(id, 'runc'), this.bundle(id), this.exit(id)])
      rmSync(path, { recursive: true, force: true });
  }
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = systemCode(error);
    // ESRCH: a file of /proc whose process ended.
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

declare global {
  interface JSON {
    /** Not yet in the compiler's library (ES2026). */
    rawJSON(text: string): unknown;
  }
}

/** As JSON; "no limit" is the largest unsigned 64-bit number, which a JavaScript number cannot hold. */
export function encode(spec: RuntimeSpec | ProcessSpec): string {
  return JSON.stringify(spec, (_key, value: unknown) =>
    value === Number.POSITIVE_INFINITY ? JSON.rawJSON('18446744073709551615') : value,
  );
}
