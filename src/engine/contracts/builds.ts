import type { HostConfig } from '#domain/container/config.ts';
import type { CheckResult } from '#domain/dockerfile/checks/check.ts';
import type { Mount } from '#domain/dockerfile/mount.ts';
import type { Outline, Target } from '#domain/dockerfile/outline.ts';
import type { Annotation } from '#domain/build/annotations.ts';
import type { CacheEntry, PruneLimits } from '#domain/build/cache-prune.ts';
import type { SecretReference } from '#domain/secret/secret.ts';
import type { Image } from '#domain/image/image.ts';
import type { Credentials } from '#ports/registry-client.ts';
import type {
  BuildContextSource,
  CacheSource,
  CacheTarget,
  Entitlement,
  NamedContext,
  SshAgents,
} from './build-inputs.ts';
import type { Attestations, BuildOutput, Exported } from './build-outputs.ts';
import type { VertexEvent } from './build-progress.ts';
import type { Progress } from './images.ts';

export interface BuildRequest {
  context: BuildContextSource;
  /** Path of the Dockerfile inside the context; absent: `Dockerfile`. */
  dockerfile?: string;
  /** The Dockerfile itself; the context then need not have one. */
  dockerfileText?: string;
  /** The patterns of .dockerignore; absent: as the files in the context say. */
  ignoreText?: string;
  /** Named contexts, by the names that the Dockerfile uses; `NAME::linux/arm64` holds for that platform only. */
  contexts?: Record<string, NamedContext>;
  tags: string[];
  /** Null takes nothing and removes nothing: the ARG's default holds. */
  buildArgs: Record<string, string | null>;
  labels: Record<string, string>;
  /** Name or number of the stage to build; absent: the last. */
  target?: string;
  /** `linux/amd64`; absent: this machine's. */
  platform?: string;
  /** An image for each, in one index; absent: `platform`. */
  platforms?: string[];
  noCache?: boolean;
  /** Takes nothing from the cache for the stages of these names. */
  noCacheFor?: string[];
  cacheFrom?: CacheSource[];
  /** Images of this engine whose steps may be taken, told by their history: the classic builder's `--cache-from`. */
  cacheImages?: string[];
  cacheTo?: CacheTarget[];
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
  /** Those of a registry that `auths` has not, from who asked for the build. */
  credentials?: (registry: string) => Promise<Credentials | undefined>;
  /** The bytes of a secret; undefined when the client has none under the id. Never kept beyond the step. */
  secrets?: (id: string) => Promise<Buffer | undefined>;
  /** Which of them the store of secrets has, by their ids: a later build can be given them again. */
  secretSources?: Readonly<Record<string, SecretReference>>;
  ssh?: SshAgents;
  /** Instead, agents of this machine: by their ids the path of an agent's socket, or of files with keys. */
  sshSources?: Readonly<Record<string, readonly string[]>>;
  /** Of the file of a secret, by its id, what its mount does not say. */
  secretFiles?: Readonly<Record<string, SecretFile>>;
  /** What RUN may do beyond the usual. */
  allow?: Entitlement[];
  /** Absent: into the images of this engine. */
  outputs?: BuildOutput[];
  attest?: Attestations;
  /** Of what is stored, pushed and archived; files have none. */
  annotations?: readonly Annotation[];
  /** Seconds since 1970: no time in the result is later. */
  sourceDateEpoch?: number;
  /** So that `cancel` can name it. */
  id?: string;
  /** What it gives is waited for, so that a slow reader slows the steps down. */
  onProgress: (progress: Progress) => void | Promise<void>;
  /** What the graph does, beside `onProgress`; as there, what it gives is waited for. */
  onVertex?: (event: VertexEvent) => void | Promise<void>;
  /** Called with each image that a stage begins with or copies from, by the name that the Dockerfile has for it. */
  onSource?: (reference: string, image: Image) => void;
  /** Called once all outputs are written. */
  onExported?: (exported: Exported) => void;
  /** Called with each mount of the steps that the result needs, whether they run or come from the cache. */
  onMount?: (mount: Mount) => void;
  /**
   * Called when the steps are done, with the folders of contexts that came from elsewhere, by the contexts' names ('' is the main
   * one). The build does not wait for what it gives, but the folders stay until then.
   */
  onReceived?: (folders: ReadonlyMap<string, string>) => Promise<void>;
  /** Aborting kills the running steps and frees what the build holds. */
  signal: AbortSignal;
}

export interface SecretFile {
  uid?: number;
  gid?: number;
  mode?: number;
}

/** Where two builds of the same do not agree. */
export interface BuildDifference {
  /** As the history tells it; '' where no step made other files. */
  step: string;
  /** Of the first file that differs. */
  path: string;
  reasons: string[];
}

export interface Verification {
  /** Of the first build. */
  image: Image;
  /** Seconds since 1970 that both builds had. */
  sourceDateEpoch: number;
  /** Of the second build, and why it is another one. */
  second?: Image;
  difference?: BuildDifference;
}

/** What was asked of a Dockerfile without building it. */
export interface DockerfileAnswer<T> {
  /** The file that was looked at. */
  file: { name: string; text: string };
  answer: T;
}

export interface Builds {
  /**
   * Builds the target stage, stores the image and moves the tags to it. Failed or cancelled: nothing is left
   * but the cache of the steps that succeeded.
   * @throws invalid `dockerfile-invalid` with file, line and caret; invalid `build-step-failed` (a RUN exited
   * with another code than 0), `build-copy-failed`; as Images.pull
   */
  build(request: BuildRequest): Promise<Image>;
  /**
   * Builds twice without the cache: one image under the tags and for the outputs, or else where they differ.
   * @throws as `build`
   */
  verify(request: BuildRequest): Promise<Verification>;
  /** What `docker build --check` says of the Dockerfile; nothing is built. @throws invalid `dockerfile-missing`, `check-option-invalid` */
  check(request: BuildRequest): Promise<DockerfileAnswer<CheckResult>>;
  /** What the target takes (`--call=outline`). @throws invalid `dockerfile-missing`, `dockerfile-invalid`, `build-target-missing` */
  outline(request: BuildRequest): Promise<DockerfileAnswer<Outline>>;
  /** The stages (`--call=targets`). @throws invalid `dockerfile-missing`, `dockerfile-invalid` */
  targets(request: BuildRequest): Promise<DockerfileAnswer<Target[]>>;
  /** Idempotent; an unknown id is fine. */
  cancel(id: string): void;
  /** What the cache holds. */
  cacheEntries(): CacheEntry[];
  /** Forgets the entries of the cache that are accepted, down to the limits, and removes the untagged images that only these held. */
  prune(
    accepts?: (entry: CacheEntry) => boolean,
    limits?: PruneLimits,
  ): Promise<{ removed: string[]; reclaimed: number }>;
}
