import type { Readable } from 'node:stream';
import type {
  ContainerConfig,
  EndpointRequest,
  HostConfig,
  Resources,
  RestartPolicy,
} from '#domain/container/config.ts';
import type { AppIdentity, Container } from '#domain/container/container.ts';
import type { GrantedFile } from '#domain/container/granted-file.ts';
import type { Probes } from '#domain/container/probe.ts';
import type { CgroupUsage } from '#ports/cgroups.ts';
import type { EtcPaths } from '#ports/container-files.ts';
import type { LinkCounters } from '#ports/links.ts';
import type { LogEntry, LogQuery } from '#ports/log-store.ts';
import type { PathStat } from '#ports/root-files.ts';
import type { Change } from '#ports/snapshotter.ts';
import type { ExecProcess, Stdio } from '#ports/runtime.ts';

export interface CreateContainer {
  /** Without a leading slash; absent: a random one. */
  name?: string;
  platform?: string;
  config: ContainerConfig;
  hostConfig: HostConfig;
  endpoints: Record<string, EndpointRequest | null>;
  identity?: AppIdentity;
  /** A new replica that gets no requests yet. */
  traffic?: 'held';
  probes?: Probes;
  granted?: GrantedFile[];
}

export interface StopOptions {
  /** Seconds, -1 for ever; absent: the container's. */
  timeout?: number;
  /** Instead of the container's. */
  signal?: string;
  /** No person asked for it: it is part of a change of its app. */
  forChange?: true;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface ExecConfig {
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  ConsoleSize?: [number, number] | null;
  DetachKeys?: string;
  Tty?: boolean;
  Env?: string[] | null;
  Cmd: string[];
  Privileged?: boolean;
  User?: string;
  WorkingDir?: string;
}

export interface Exec {
  id: string;
  containerId: string;
  config: ExecConfig;
  running: boolean;
  exitCode: number | null;
  pid: number;
}

/** A client's place at a container's streams; it may be taken before the container starts. */
export interface Attachment {
  /** Resolves when the container runs; rejects when its start fails, or it is removed. */
  readonly stdio: Promise<Stdio>;
  /** Gives the place up, be it with all output: the event `die` waits a while for those who have one. Idempotent. */
  cancel(): void;
}

/** One reading of a running container. */
export interface ContainerUsage {
  /** RFC 3339. */
  read: string;
  cgroup: CgroupUsage;
  networks: Record<string, LinkCounters>;
  systemNanos: number;
  onlineCpus: number;
}

export interface Containers {
  /** By name, id or unambiguous start of an id. @throws not-found `container-missing` "No such container: NAME" */
  get(ref: string): Container;
  find(ref: string): Container | undefined;
  list(): Container[];
  create(request: CreateContainer): Promise<{ id: string; warnings: string[] }>;
  /** @throws unchanged `already-running`; not-found `executable-not-found`; invalid ... */
  start(ref: string): Promise<void>;
  /** @throws unchanged `already-stopped` */
  stop(ref: string, options?: StopOptions): Promise<void>;
  restart(ref: string, options?: StopOptions): Promise<void>;
  /** Whether it has ended for a restart that was asked for, and is about to start again. */
  comesBack(id: string): boolean;
  kill(ref: string, signal?: string): Promise<void>;
  pause(ref: string): Promise<void>;
  unpause(ref: string): Promise<void>;
  rename(ref: string, name: string): Promise<void>;
  remove(ref: string, options?: { force?: boolean; volumes?: boolean }): Promise<void>;
  wait(
    ref: string,
    condition: WaitCondition,
    signal: AbortSignal,
  ): Promise<{ exitCode: number; error?: string }>;
  /** @throws conflict `container-paused`, when it is not able to be attached to */
  attach(ref: string): Attachment;
  /** A client left the streams by its detach keys. */
  detached(ref: string): void;
  resize(ref: string, columns: number, rows: number): Promise<void>;
  /** `docker rm --link`: takes a name off that `--link` gave another container. @throws not-found `link-missing` */
  unlink(ref: string, alias: string): Promise<void>;
  connect(ref: string, network: string, request: EndpointRequest): Promise<void>;
  disconnect(ref: string, network: string, force: boolean): Promise<void>;
  /** @throws as resolveUser, too */
  createExec(ref: string, config: ExecConfig): Promise<Exec>;
  /** @throws not-found `exec-missing` "No such exec instance: ID" */
  getExec(id: string): Exec;
  /** @throws as startExec would before it runs anything: `exec-missing`, `exec-started`, `container-not-running` ... */
  checkExec(id: string): void;
  startExec(
    id: string,
    io: { tty: boolean; stdin: boolean; consoleSize?: [number, number] },
  ): Promise<ExecProcess>;
  /** As `detached`. */
  execDetached(id: string): void;
  /** Before the start: the size that the terminal begins with. */
  resizeExec(id: string, columns: number, rows: number): Promise<void>;
  /** New limits or restart policy. Gives warnings. */
  update(ref: string, changes: Resources & { RestartPolicy?: RestartPolicy }): Promise<string[]>;
  /** Removes all that do not run and that `wanted` accepts. */
  prune(wanted: (container: Container) => boolean): Promise<{ removed: string[]; reclaimed: number }>;
  /** Lines of the host's ps. @throws conflict `container-not-running` */
  top(ref: string, psArguments: string[]): Promise<{ titles: string[]; processes: string[][] }>;
  /** Undefined when it does not run. */
  usage(ref: string): Promise<ContainerUsage | undefined>;
  logs(ref: string, query: Omit<LogQuery, 'ended'>): AsyncIterable<LogEntry>;
  /** Bytes that the container itself wrote. */
  sizes(ref: string): Promise<{ own: number; root: number }>;
  changes(ref: string): Promise<Change[]>;
  /** A tar of the whole root file system. */
  exportRoot(ref: string): Promise<Readable>;
  /** Parts of the root file system for `docker cp`. */
  statPath(ref: string, path: string): Promise<PathStat>;
  packPath(ref: string, path: string): Promise<Readable>;
  unpackPath(
    ref: string,
    path: string,
    tar: Readable,
    options: { keepKinds: boolean; copyOwners: boolean },
  ): Promise<void>;
  /**
   * Removes paths, folders with all they hold; gives how many were there.
   * @throws forbidden `path-read-only`; as RootFiles.remove
   */
  removePaths(ref: string, paths: readonly string[]): Promise<number>;
  /** Lets requests in (undefined), or keeps them away. Survives restarts of the daemon. */
  setTraffic(ref: string, traffic: Container['traffic']): void;
  /** Absolute host paths that inspect shows. */
  pathsOf(container: Container): EtcPaths & { log: string };
  /** Execs that belong to a container and did not end. */
  execsOf(id: string): string[];
  /** Calls `listener` whenever the stored state of a container changed. Gives the way to stop. */
  onChange(listener: (container: Container) => void): () => void;
}
