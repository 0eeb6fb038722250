import type { Readable } from 'node:stream';
import type {
  ContainerConfig,
  EndpointRequest,
  HostConfig,
  Resources,
  RestartPolicy,
} from '#domain/container/config.ts';
import type { AppIdentity, Container, Endpoint, PublishedPort } from '#domain/container/container.ts';
import type { WantedPort } from '#domain/container/port-bindings.ts';
import type { EngineEvent, EventType } from '#domain/event/event.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import type { Descriptor, HistoryEntry, ImageConfig, Platform } from '#domain/image/manifest.ts';
import type { Network } from '#domain/network/network.ts';
import type { Volume } from '#domain/volume/volume.ts';
import type { CgroupUsage } from '#ports/cgroups.ts';
import type { EtcPaths } from '#ports/container-files.ts';
import type { LinkCounters } from '#ports/links.ts';
import type { LogEntry, LogQuery } from '#ports/log-store.ts';
import type { Credentials } from '#ports/registry-client.ts';
import type { PathStat } from '#ports/root-files.ts';
import type { Change } from '#ports/snapshotter.ts';
import type { ExecProcess, Stdio } from '#ports/runtime.ts';

// What the engine's nouns offer to each other and to the API. Every verb is safe to call at any time:
// it takes the locks it needs, and what it acknowledges is in the state store.

export interface Events {
  emit(type: EventType, action: string, id: string, attributes?: Record<string, string>): void;
  /** Past events (bounded, kept in memory) and, unless `until` is past, those to come. Times are RFC 3339. */
  read(query: { since?: string; until?: string; signal: AbortSignal }): AsyncIterable<EngineEvent>;
}

/** One line of Docker's progress stream (JSONMessage). */
export interface Progress {
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  stream?: string;
  aux?: Record<string, unknown>;
}

export interface PullOptions {
  auth?: Credentials;
  platform?: string;
  onProgress: (progress: Progress) => void;
  signal: AbortSignal;
}

export interface NewImage {
  config: ImageConfig;
  /** Blobs that are in the store already; their snapshots are committed. */
  layers: Descriptor[];
  tags: string[];
  parent?: Digest;
  /** Sum of the unpacked layers' bytes. */
  size: number;
}

export type RemovedImage = { Untagged: string } | { Deleted: string };

export interface Images {
  /** By tag, digest, id or unambiguous start of an id. @throws not-found `image-missing` "No such image: NAME" */
  get(name: string): Image;
  find(name: string): Image | undefined;
  list(): Image[];
  /** From a registry, or made on the spot for debian.berth/... @throws as RegistryClient and Bootstrapper */
  pull(name: string, options: PullOptions): Promise<Image>;
  push(name: string, options: Omit<PullOptions, 'platform'>): Promise<void>;
  /** Writes config and manifest, records the image and moves its tags to it. */
  store(image: NewImage): Promise<Image>;
  tag(name: string, reference: string): Promise<void>;
  remove(name: string, options: { force: boolean; prune: boolean }): Promise<RemovedImage[]>;
  /** A `docker save` archive, of Docker's or OCI's layout. Gives the lines that `docker load` prints. */
  load(archive: Readable, onProgress: (progress: Progress) => void): Promise<void>;
  save(names: string[]): Readable;
  /** `docker import`: one root file system tar (plain or compressed) becomes an image. */
  importRoot(
    tar: Readable,
    options: { reference?: string; changes: string[]; message: string; platform?: string },
  ): Promise<Image>;
  /** The room containers tells which containers use an image. */
  usedBy(source: (imageId: string) => ImageUser[]): void;
  /** Its manifest, as an index would name it. */
  descriptor(name: string): Promise<Descriptor>;
  /** `docker history`: from the top down, with the bytes that each step added. */
  history(name: string): Promise<{ entry: HistoryEntry; size: number }[]>;
  /** `docker commit`: what a container changed becomes a layer on its image. */
  commit(container: Container, options: CommitOptions): Promise<Image>;
  /** Removes the images that `accepts` takes and no container uses: those without a name, or with `all` any. */
  prune(options: {
    all: boolean;
    accepts: (image: Image) => boolean;
  }): Promise<{ removed: RemovedImage[]; bytes: number }>;
  /** What a registry has under a name, without pulling it. @throws as RegistryClient */
  inspectRemote(
    name: string,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<{ descriptor: Descriptor; platforms: Platform[] }>;
  /** `docker login`. @throws unauthorized `registry-denied` */
  login(server: string, auth: Credentials): Promise<{ status: string; identityToken: string }>;
  /** Keeps blobs and snapshots from being collected while a build or a pull works with them. */
  lease(): Lease;
}

export interface CommitOptions {
  reference?: string;
  comment: string;
  author: string;
  /** Replaces the container's where given. */
  config?: ContainerConfig;
  /** Dockerfile instructions. */
  changes: string[];
}

export interface ImageUser {
  containerId: string;
  running: boolean;
}

/** Names what must not be collected until `close`: blobs by digest, committed snapshots by chain id. */
export interface Lease extends AsyncDisposable {
  /** From when this resolves until `close`, what is there under these digests stays. */
  hold(...digests: Digest[]): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface NewNetwork {
  name: string;
  driver?: string;
  internal?: boolean;
  attachable?: boolean;
  ipv6?: boolean;
  options?: Record<string, string>;
  labels?: Record<string, string>;
  pools?: { subnet?: string; ipRange?: string; gateway?: string; auxiliary?: Record<string, string> }[];
  app?: string;
}

export interface Networks {
  /** By name, id or unambiguous start of an id. @throws not-found `network-missing` "network NAME not found" */
  get(name: string): Network;
  list(): Network[];
  create(request: NewNetwork): Promise<Network>;
  /** @throws conflict `network-in-use`, forbidden `network-predefined` */
  remove(name: string): Promise<void>;
  /** Validates a request (addresses in the pool ...) and gives an endpoint without addresses. */
  endpoint(
    container: { id: string; name: string; hostname: string },
    network: Network,
    request: EndpointRequest,
    index: number,
  ): Endpoint;
  /** A network namespace for the container. Gives its path. */
  createSandbox(containerId: string): Promise<string>;
  /** Disconnects everything, frees addresses and ports, removes the namespace. Idempotent. */
  removeSandbox(container: Container): Promise<void>;
  /** Allocates addresses and joins the sandbox to the network. Gives the endpoint with its addresses. */
  attach(containerId: string, endpoint: Endpoint, carriesDefaultRoute: boolean): Promise<Endpoint>;
  detach(containerId: string, endpoint: Endpoint): Promise<void>;
  /** Publishes the ports that the host configuration asks for. @throws conflict `port-taken` */
  publish(container: Container, wanted: WantedPort[]): Promise<PublishedPort[]>;
  unpublish(container: Container): Promise<void>;
  /** Text of the container's resolv.conf. */
  resolvConf(container: Container): string;
  /** After a restart of the daemon: takes over what these running containers hold. */
  adopt(running: Container[]): Promise<void>;
  /** Who is joined to a network now, with addresses. */
  joined(network: Network): { container: Container; endpoint: Endpoint }[];
  /** Removes those of the networks that nobody is joined to. Gives their names. */
  prune(candidates: Network[]): Promise<string[]>;
  /** The room containers tells who is connected, for inspect, DNS and "in use". */
  connectedBy(source: (networkId: string) => { container: Container; endpoint: Endpoint }[]): void;
}

export interface NewVolume {
  name?: string;
  driver?: string;
  options?: Record<string, string>;
  labels?: Record<string, string>;
  anonymous?: boolean;
  app?: string;
}

export interface Volumes {
  /** @throws not-found `volume-missing` "get NAME: no such volume" */
  get(name: string): Volume;
  find(name: string): Volume | undefined;
  list(): Volume[];
  /** A volume of that name: the existing one, or a new one. */
  create(request: NewVolume): Promise<Volume>;
  /** @throws conflict `volume-in-use` naming the containers */
  remove(name: string, force: boolean): Promise<void>;
  /** Makes the volume's directory ready (mounts what its options ask for) and gives its path. */
  use(name: string): Promise<string>;
  /** Removes the unused volumes among `candidates`. Gives their names and the bytes that this freed. */
  prune(candidates: Volume[]): Promise<{ removed: string[]; bytes: number }>;
  /** Bytes on disk. */
  usage(name: string): Promise<number>;
  /** Ids of the containers that use it. */
  users(name: string): string[];
  usedBy(source: (volume: string) => string[]): void;
}

export interface CreateContainer {
  /** Without a leading slash; absent: a random one. */
  name?: string;
  platform?: string;
  config: ContainerConfig;
  hostConfig: HostConfig;
  endpoints: Record<string, EndpointRequest | null>;
  identity?: AppIdentity;
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
  /** Gives the place up. Idempotent. */
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
  /** `timeout` in seconds, -1 for ever; absent: the container's. @throws unchanged `already-stopped` */
  stop(ref: string, options?: { timeout?: number; signal?: string }): Promise<void>;
  restart(ref: string, options?: { timeout?: number; signal?: string }): Promise<void>;
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
  connect(ref: string, network: string, request: EndpointRequest): Promise<void>;
  disconnect(ref: string, network: string, force: boolean): Promise<void>;
  createExec(ref: string, config: ExecConfig): Exec;
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
  /** Absolute host paths that inspect shows. */
  pathsOf(container: Container): EtcPaths & { log: string };
  /** Execs that belong to a container and did not end. */
  execsOf(id: string): string[];
  /** Calls `listener` whenever the stored state of a container changed. Gives the way to stop. */
  onChange(listener: (container: Container) => void): () => void;
}

export interface BuildRequest {
  /** A tar (plain or compressed), or a folder of this machine, of which nothing is changed. */
  context: { tar: Readable } | { folder: string };
  /** Path of the Dockerfile inside the context; absent: `Dockerfile`. */
  dockerfile?: string;
  /** The Dockerfile itself; the context then need not have one. */
  dockerfileText?: string;
  tags: string[];
  /** Null takes nothing and removes nothing: the ARG's default holds. */
  buildArgs: Record<string, string | null>;
  labels: Record<string, string>;
  /** Name or number of the stage to build; absent: the last. */
  target?: string;
  /** `linux/amd64`; absent: this machine's. */
  platform?: string;
  noCache?: boolean;
  /** Ask the registry for the bases even when they are here. */
  pull?: boolean;
  /** For RUN: `default`, `bridge`, `none`, `host` or the name of a network. */
  networkMode?: string;
  /** `name:address` */
  extraHosts?: string[];
  resources?: Pick<
    HostConfig,
    | 'Memory'
    | 'MemorySwap'
    | 'CpuShares'
    | 'CpuPeriod'
    | 'CpuQuota'
    | 'CpusetCpus'
    | 'CpusetMems'
    | 'ShmSize'
    | 'CgroupParent'
    | 'Ulimits'
  >;
  /** By registry, for pulls. */
  auths?: Record<string, Credentials>;
  /** So that `cancel` can name it. */
  id?: string;
  /** What it gives is waited for, so that a slow reader slows the steps down. */
  onProgress: (progress: Progress) => void | Promise<void>;
  /** Aborting kills the running steps and frees what the build holds. */
  signal: AbortSignal;
}

export interface Builds {
  /**
   * Builds the target stage, stores the image and moves the tags to it. Failed or cancelled: nothing is left
   * but the cache of the steps that succeeded.
   * @throws invalid `dockerfile-invalid` with file, line and caret; invalid `build-step-failed` (a RUN exited
   * with another code than 0), `build-copy-failed`; as Images.pull
   */
  build(request: BuildRequest): Promise<Image>;
  /** Idempotent; an unknown id is fine. */
  cancel(id: string): void;
  /** Forgets the cache and removes the untagged images that only it held. */
  prune(): Promise<{ removed: string[]; reclaimed: number }>;
}
