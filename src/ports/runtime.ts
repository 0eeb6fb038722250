import type { Readable, Writable } from 'node:stream';
import type { RuntimeSpec } from '#domain/container/runtime-spec.ts';
import type { ProcessSpec } from '#domain/container/runtime-spec.ts';

export interface CreateTask {
  id: string;
  /** Becomes the bundle's config.json (OCI runtime specification). root.path is absolute. */
  spec: RuntimeSpec;
  tty: boolean;
  /** Keep stdin open for attached clients. */
  stdin: boolean;
  /** Close stdin for good when the first attached client closes its end. */
  stdinOnce: boolean;
  /** One of the runtime's `names`; absent: its `name`. */
  runtime?: string;
  /** False for the log driver `none`: output goes to attached clients only. */
  log: boolean;
  /** The monitor begins a new file of its log by itself after so many bytes, whoever else does. Absent: never. */
  logFileBytes?: number;
  /** The root file system stays within reach while the task lives, also when it is unmounted: see Runtime.rootOf. */
  keepsRoot?: boolean;
}

export type TaskStatus = 'absent' | 'created' | 'running' | 'paused' | 'stopped';

export interface TaskState {
  status: TaskStatus;
  pid: number;
}

export interface TaskExit {
  id: string;
  /** 128 + signal number for a process that a signal ended. */
  exitCode: number;
  /** RFC 3339 with nanoseconds. */
  exitedAt: string;
  /** Of any process of the task, not only of the main one. */
  oomKilled: boolean;
  /** Bytes, when memory ran out and the control group was still there to tell. */
  memory?: { limit: number; peak: number };
}

/** Bytes, at the moment when memory ran out. */
export interface TaskOom {
  id: string;
  memory: { limit: number; peak: number };
}

/** The streams of an attached container or of an exec. With a tty everything comes on `stdout`. */
export interface Stdio {
  /** Ending it closes the process's stdin. */
  stdin: Writable;
  stdout: Readable;
  stderr: Readable;
  /** Lets go of the streams; the process goes on. Idempotent. */
  close(): void;
}

export interface ExecProcess extends Stdio {
  /** In the host's namespace. */
  readonly pid: number;
  /** Resolves after stdout and stderr are complete. */
  readonly exit: Promise<{ exitCode: number }>;
  resize(columns: number, rows: number): Promise<void>;
  signal(signal: number): void;
}

/**
 * The OCI runtime and the monitor that holds a container's stdio and exit code while the daemon is away.
 * A task is a container's set of processes. Everything here survives a kill -9 of the daemon except
 * execs and attachments.
 */
export interface Runtime {
  /** The OCI runtime of tasks that ask for none. */
  readonly name: string;
  /** Those that a task may ask for. */
  readonly names: readonly string[];
  /** Of `name` and of the monitor. */
  version(): Promise<{ runtime: string; monitor: string; commit: string }>;
  /**
   * Makes namespaces, cgroup and mounts, with the main process waiting just before its exec. Output is
   * logged from the first byte. Failed: nothing of it is left.
   * @throws invalid `runtime-create-failed` with the runtime's own words; the codes `executable-not-found`
   * (exit 127 to Docker's clients) and `executable-not-permitted` (126) where that was the cause
   */
  create(task: CreateTask): Promise<{ pid: number }>;
  /** Lets the main process go. */
  start(id: string): Promise<void>;
  /** Sends a signal to the main process. @throws conflict `task-not-running` */
  signal(id: string, signal: number): Promise<void>;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  /** Frees everything that the task holds, killing what still runs. Idempotent. The log stays. */
  delete(id: string): Promise<void>;
  observe(id: string): Promise<TaskState>;
  /**
   * The exit that the monitor recorded, also when it came while the daemon was away; undefined while running. One
   * that the monitor is about to record is awaited. A task whose monitor was killed is ended too, with the code 137.
   */
  exitOf(id: string): Promise<TaskExit | undefined>;
  /** Calls `listener` once for each task that ends from now on, after its output is in the log. */
  onExit(listener: (exit: TaskExit) => void): void;
  /** Calls `listener` each time that memory runs out for a task that has a limit. */
  onOom(listener: (oom: TaskOom) => void): void;
  /**
   * Path of the root file system of a task that keeps it, for reading and without what is mounted in it; undefined for
   * others, and for one that has ended.
   */
  rootOf(id: string): string | undefined;
  /** Ids of all tasks of this instance that exist, for clean-up after a crash. */
  list(): Promise<string[]>;
  /** @throws conflict `task-not-running` */
  attach(id: string): Promise<Stdio>;
  /** The size is in force on return; a task without a terminal has none. @throws conflict `task-not-running` */
  resize(id: string, columns: number, rows: number): Promise<void>;
  /** Makes the monitor write to a new log file, soon. Nothing to do when it is gone. */
  reopenLog(id: string): Promise<void>;
  /** Runs another process in the task. @throws as `create`; conflict `task-not-running` */
  exec(id: string, process: ProcessSpec, io: { tty: boolean; stdin: boolean }): Promise<ExecProcess>;
  /** Process ids in the task, in the host's namespace. */
  processes(id: string): Promise<number[]>;
  update(id: string, resources: RuntimeSpec['linux']['resources']): Promise<void>;
  /** Stops watching; tasks go on. */
  close(): Promise<void>;
}
