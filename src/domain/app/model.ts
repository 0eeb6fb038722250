import type { ContainerConfig, HostConfig, Resources } from '#domain/container/config.ts';

/** What a person wants to run: a compose file's meaning with all variables and defaults in place. */
export interface AppModel {
  name: string;
  services: Record<string, Service>;
  networks: Record<string, AppNetwork>;
  volumes: Record<string, AppVolume>;
}

export interface Service {
  name: string;
  image?: string;
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
  ports: Port[];
  mounts: Mount[];
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
}

export interface Port {
  /** Inside. */
  target: number;
  protocol: 'tcp' | 'udp' | 'sctp';
  hostIp: string;
  /** A number, or a range FROM-TO of which the replica or the engine picks one; '' for any free one. */
  published: string;
}

export interface Mount {
  type: 'bind' | 'volume' | 'tmpfs';
  /** Absolute path; or key of a volume of the app; '' for an anonymous volume and tmpfs. */
  source: string;
  target: string;
  readOnly: boolean;
  bind?: { propagation?: string; create: boolean; recursive?: string };
  volume?: { noCopy: boolean; subpath?: string; labels: Record<string, string> };
  tmpfs?: { size?: number; mode?: number };
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
