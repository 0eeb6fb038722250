import type { Autoscale } from '#domain/autoscale/model.ts';
import type { CpuWish } from '#domain/capacity/cpus.ts';
import type { ContainerConfig, HostConfig, Resources } from '#domain/container/config.ts';
import type { Probes } from '#domain/container/probe.ts';
import type { SecretRule } from '#domain/secret/provider.ts';
import type { SecretReference } from '#domain/secret/secret.ts';
import type { IngressEntry } from '#domain/ingress/model.ts';
import type { Deploy } from './deploy.ts';
import type { Exposure, Policy } from '#domain/policy/model.ts';
import type { AppUpdate, ServiceUpdate } from './update.ts';
import type { Schedule } from './schedule.ts';

/** What a person wants to run: a compose file's meaning with all variables and defaults in place. */
export interface AppModel {
  name: string;
  services: Record<string, Service>;
  networks: Record<string, AppNetwork>;
  volumes: Record<string, AppVolume>;
  secrets: Record<string, AppSecret>;
  configs: Record<string, AppConfig>;
  /** By key of `secrets`. */
  secretRules?: Record<string, SecretRule>;
  update?: AppUpdate;
  /** Of the ports of services that do not say it themselves. */
  exposure?: Exposure;
  /** Who may call whom, beside what its services say. */
  policy?: Policy[];
}

export interface Service {
  name: string;
  image?: string;
  /** Outdated packages are no reason to rebuild its image or to replace its containers. */
  refresh?: false;
  build?: Build;
  pullPolicy: PullPolicy;
  replicas: number;
  containerName?: string;
  platform?: string;
  dependsOn: Dependency[];
  /** In order of priority: the first carries the default route. */
  networks: ServiceNetwork[];
  /** `host`, `none`, `service:NAME`, `container:NAME`; absent: the networks. */
  networkMode?: string;
  /** NAME:ALIAS: what it calls others, of this app or not. */
  links?: string[];
  /** SERVICE[:MODE] or container:NAME[:MODE], whose mounts it gets. */
  volumesFrom?: string[];
  ports: Port[];
  /** Seconds without a new connection for which a client keeps its replica; absent: it does not. */
  affinity?: number;
  mounts: Mount[];
  /** How requests from outside reach it. */
  ingress?: IngressEntry[];
  /** How many replicas it has follows from what it does. */
  autoscale?: Autoscale;
  /** Processors of its own for each replica; `at`: FILE:LINE where it asks. */
  cpus?: CpuWish & { at: string };
  /** They take the place of a health check. */
  probes?: Probes;
  /** Who reaches its ports of the host. */
  exposure?: Exposure;
  /** Who may call it, and whom it may call. */
  policy?: Policy[];
  /** It runs at times; no container of it runs permanently. */
  schedule?: Schedule;
  /** Secrets and configs that it gets as files. */
  secrets: FileGrant[];
  configs: FileGrant[];
  deploy?: Deploy;
  /** How its containers are replaced, beside what `deploy` says. */
  update?: ServiceUpdate;
  /** Run in the container, one after the other: after its start, and before it is told to stop. */
  postStart?: Hook[];
  preStop?: Hook[];
  /** What changes on disk are to do while people work on it. */
  watch?: WatchRule[];
  /** Seconds. */
  stopGrace?: number;
  /** The one-to-one settings, with the engine API's names. */
  container: ContainerConfig;
  host: HostConfig;
}

export type PullPolicy = 'missing' | 'always' | 'never' | 'build';

export interface Build {
  /** Absolute folder. */
  context: string;
  /** Relative to the context, or absolute. */
  dockerfile: string;
  /** The Dockerfile itself, instead of one in the context. */
  dockerfileInline?: string;
  args: Record<string, string>;
  labels: Record<string, string>;
  tags: string[];
  target?: string;
  network?: string;
  /** Bytes. */
  shmSize?: number;
  ulimits?: NonNullable<Resources['Ulimits']>;
  /** `name:address` */
  extraHosts: string[];
  noCache: boolean;
  pull: boolean;
  /** Absent: this machine's. */
  platform?: string;
  /** Absent when nothing of it is asked for. */
  more?: BuildExtras;
}

/** What RUN may do where its Dockerfile asks for it. */
export type Entitlement = 'network.host' | 'security.insecure';

/** What few builds ask for. */
export interface BuildExtras {
  /** By name: an absolute folder, `service:NAME`, `docker-image://REFERENCE`, a URL. */
  contexts: Record<string, string>;
  cacheFrom: string[];
  cacheTo: string[];
  secrets: FileGrant[];
  /** `default`, or ID=PATH[,PATH] of a socket or keys. */
  ssh: string[];
  entitlements: Entitlement[];
  noCacheFilter: string[];
  /** Several, for each an image. */
  platforms?: string[];
  /** As `--provenance` and `--sbom` of builds. */
  provenance?: string;
  sbom?: string;
}

export type DependencyCondition = 'started' | 'healthy' | 'completed';

export interface Dependency {
  service: string;
  condition: DependencyCondition;
  required: boolean;
  /** Restart this service when the other is replaced. */
  restart: boolean;
}

export interface ServiceNetwork {
  network: string;
  aliases: string[];
  priority: number;
  ipv4?: string;
  ipv6?: string;
  linkLocal: string[];
  mac?: string;
  driverOpts: Record<string, string>;
  gatewayPriority?: number;
  /** The network does not know it by the service's name. */
  withoutServiceName?: true;
}

export interface Port {
  /** Inside. */
  target: number;
  protocol: 'tcp' | 'udp' | 'sctp';
  hostIp: string;
  /** A number, or a range FROM-TO of which the replica or the engine picks one; '' for any free one. */
  published: string;
  /** Who reaches it, in the place of an address, as long as compose files are read. */
  exposure?: Exposure;
  /** For people. */
  name?: string;
  /** Such as `http`. */
  appProtocol?: string;
  mode?: 'host';
}

export interface Mount {
  type: 'bind' | 'volume' | 'tmpfs' | 'image';
  /** Absolute path; key of a volume of the app; reference of an image; '' for an anonymous volume and tmpfs. */
  source: string;
  target: string;
  readOnly: boolean;
  bind?: { propagation?: string; create: boolean; recursive?: string };
  volume?: { noCopy: boolean; subpath?: string; labels: Record<string, string> };
  tmpfs?: { size?: number; mode?: number };
  image?: { subpath: string };
}

export interface AppNetwork {
  /** On this engine, unless `external`: APP_KEY. */
  name: string;
  external: boolean;
  driver?: string;
  driverOpts: Record<string, string>;
  internal: boolean;
  attachable: boolean;
  ipv6: boolean;
  labels: Record<string, string>;
  pools: { subnet?: string; ipRange?: string; gateway?: string; auxiliary?: Record<string, string> }[];
}

export interface AppVolume {
  name: string;
  external: boolean;
  driver?: string;
  driverOpts: Record<string, string>;
  labels: Record<string, string>;
}

/** A file that a service gets: a secret below /run/secrets, a config anywhere. */
export interface FileGrant {
  /** Key of the app's secret or config. */
  source: string;
  /** Absolute path in the container. */
  target: string;
  uid?: string;
  gid?: string;
  /** Such as 0o440. */
  mode?: number;
}

export interface AppSecret {
  /** Of the store, when it is `external`; else APP_KEY. */
  name: string;
  /** Where the value comes from. The value itself is never part of the model. */
  from: FileSource | VariableSource | ExternalSource | DriverSource;
  /** The version that the app has; absent until its value has been read. */
  stored?: SecretReference;
  labels: Record<string, string>;
  templateDriver?: string;
}

export interface AppConfig {
  name: string;
  /** A config from a variable has the variable's content. */
  from: FileSource | ExternalSource | ContentSource;
  stored?: SecretReference;
  labels: Record<string, string>;
  templateDriver?: string;
}

export interface FileSource {
  kind: 'file';
  /** Absolute. */
  path: string;
}

export interface VariableSource {
  kind: 'environment';
  variable: string;
}

export interface ContentSource {
  kind: 'content';
  /** Absent once it is in the store. */
  content?: string;
}

/** It was made beforehand, outside of the compose file. */
export interface ExternalSource {
  kind: 'external';
}

/** A provider of another make gives the value. */
export interface DriverSource {
  kind: 'driver';
  driver: string;
  options: Record<string, string>;
}

export interface Hook {
  command: string[];
  user?: string;
  privileged: boolean;
  workingDir?: string;
  /** NAME=VALUE */
  environment: string[];
}

export interface WatchRule {
  action: 'rebuild' | 'sync' | 'restart' | 'sync+restart' | 'sync+exec';
  /** Absolute, on this machine. */
  path: string;
  /** In the container. */
  target?: string;
  /** Patterns, relative to the path. */
  ignore: string[];
  include: string[];
  exec?: Hook;
  /** Bring the target up to date before the first change. */
  initialSync: boolean;
}
