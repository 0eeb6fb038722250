import type { ContainerConfig, EndpointRequest, HostConfig } from '#domain/container/config.ts';
import type { GrantedFile } from '#domain/container/granted-file.ts';
import type { Probes, ProbeStates } from '#domain/container/probe.ts';

/** Docker's words for a container's state. */
export type ContainerStatus =
  'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export type HealthStatus = 'none' | 'starting' | 'healthy' | 'unhealthy';

export interface ProbeResult {
  /** RFC 3339 with nanoseconds. */
  Start: string;
  End: string;
  ExitCode: number;
  /** The first 4,096 bytes of what the probe printed. */
  Output: string;
}

export interface ContainerState {
  status: ContainerStatus;
  /** Process id in the host's namespace; 0 when none runs. */
  pid: number;
  exitCode: number;
  error: string;
  oomKilled: boolean;
  /** Bytes, of the latest run in which memory ran out. */
  oomMemory?: { limit: number; peak: number };
  /** RFC 3339 with nanoseconds; '0001-01-01T00:00:00Z' for never. */
  startedAt: string;
  finishedAt: string;
  restartCount: number;
  /** A person stopped it: `unless-stopped` and `always` heed that until the next start. */
  stoppedByUser: boolean;
  /** No person did: a change of its app had it stopped, and may have been interrupted. */
  stoppedForChange?: true;
  health?: { status: HealthStatus; failingStreak: number; log: ProbeResult[] };
  /** Of a container with probes, of the present run; `health` then shows them in Docker's words. */
  probes?: ProbeStates;
}

/** A mount as resolved at creation: nothing is left to be looked up at start. */
export interface MountPoint {
  type: 'bind' | 'volume' | 'tmpfs' | 'image';
  /** The volume's name, for type volume. */
  name?: string;
  /** Absolute host path ('' for tmpfs); of an image its id. */
  source: string;
  destination: string;
  driver?: string;
  /** The options as given after the second colon of a bind, such as `ro,z`. */
  mode: string;
  readWrite: boolean;
  propagation: string;
  /** Relative: the part of the volume or image that appears. */
  subpath?: string;
  /** A bind without what is mounted below its source. */
  nonRecursive?: boolean;
  /** Read-only, but for what is mounted below its source. */
  readOnlyNonRecursive?: boolean;
  /** Options of a tmpfs, such as `size=65536k,mode=1777`. */
  options?: string;
  /** An anonymous volume goes when its container goes with `rm -v` or `--rm`. */
  anonymous?: boolean;
  /** Copy what the image has at the destination into the volume while that is empty. */
  copyUp?: boolean;
}

/** A container's place in a network. Addresses are set while it runs (static ones always). */
export interface Endpoint {
  networkId: string;
  networkName: string;
  endpointId: string;
  request: EndpointRequest;
  /** Inside: eth0, eth1 ... in order of connection. */
  interfaceName: string;
  macAddress: string;
  ipAddress: string;
  prefixLength: number;
  gateway: string;
  ip6Address: string;
  ip6PrefixLength: number;
  ip6Gateway: string;
  /** Names under which the others in the network find it: container name, short id, aliases. */
  dnsNames: string[];
}

/** A published port as it is in force: `container` is such as `80/tcp`. */
export interface PublishedPort {
  container: string;
  hostIp: string;
  hostPort: number;
}

/** Which app a container belongs to; carried by every container of an app from the start. */
export interface AppIdentity {
  app: string;
  service: string;
  /** Number of the revision that made it, from 1. */
  revision: number;
  /** Number of the replica, from 1. */
  replica: number;
  /** Of a container that runs once beside the replicas, for a schedule or a person: which run it is. */
  run?: string;
}

/** What the state store holds of a container. */
export interface Container {
  id: string;
  /** Without the leading slash. */
  name: string;
  /** RFC 3339 with nanoseconds. */
  created: string;
  /** `sha256:...` of the image's config. */
  imageId: string;
  /** As the request wrote it. */
  imageName: string;
  platform: string;
  /** Merged with the image's config. */
  config: ContainerConfig;
  hostConfig: HostConfig;
  /** Executable and arguments after entrypoint and command are joined. */
  path: string;
  args: string[];
  mounts: MountPoint[];
  endpoints: Endpoint[];
  ports: PublishedPort[];
  state: ContainerState;
  identity?: AppIdentity;
  /** They take the place of the health check. */
  probes?: Probes;
  /** Secrets and configs of its app. They are no mounts that `docker inspect` tells of. */
  granted?: GrantedFile[];
  /**
   * Why it gets no requests although it may be well: `held` until an update lets it in, `draining` until its
   * last connections are done.
   */
  traffic?: 'held' | 'draining';
  /**
   * A change that was begun and not yet finished; recorded before its first effect, so that the next start
   * of the daemon finishes or undoes it.
   */
  pending?: 'create' | 'start' | 'remove-volumes';
}
