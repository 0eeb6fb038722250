import type { MachineNode } from '#domain/capacity/cpus.ts';
import type { CdiEdits } from '#domain/container/cdi.ts';
import type { Container } from '#domain/container/container.ts';
import type { IdMappings } from '#domain/user-namespace/id-mappings.ts';
import type { ResolvedUser } from '#domain/container/user.ts';

/** Where a namespace comes from: a new one, the host's, or an existing one by the path of its file. */
export type NamespaceSource = 'private' | 'host' | { path: string };

/** An existing user namespace by the path of its file. */
export interface UserNamespaceSource {
  path: string;
  mappings: IdMappings;
}

/** A device node of the host as found by its path, and where it is to appear. */
export interface ResolvedDevice {
  pathInContainer: string;
  type: 'c' | 'b';
  major: number;
  minor: number;
  /** Of `rwm`. */
  permissions: string;
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
}

/** What the host offers; read once at the daemon's start. */
export interface HostFacts {
  cgroupVersion: 1 | 2;
  /** cpu, cpuset, memory, pids, blkio (or io), devices ... */
  controllers: string[];
  /** The kernel counts swap for each control group. */
  swapAccounting: boolean;
  /**
   * The daemon's own hard limits by name (`RLIMIT_NOFILE`), when it lacks CAP_SYS_RESOURCE and so cannot
   * raise a container's above them; empty when it can.
   */
  hardLimits: Record<string, number>;
  /** Names (`CAP_CHOWN`) that the daemon can hand on: its bounding set. */
  capabilities: string[];
  architecture: 'x64' | 'arm64';
  kernel: { major: number; minor: number };
  /** The block layer honours weights (BFQ, or io.weight). */
  blkioWeight: boolean;
  apparmor: boolean;
  cpus: {
    count: number;
    /** Lists such as `0-3`: of processors, and of memory nodes. */
    online: string;
    nodes: string;
  };
  /** Memory nodes with the processors on which this process may run. */
  topology: readonly MachineNode[];
}

export interface MountSource {
  /** Absolute host path of what is there only while the container runs: of images and parts. */
  path?: string;
  /** Nothing can be mounted below it. */
  isFile?: boolean;
}

export interface SpecInput {
  container: Container;
  /** Absolute path of the mounted root file system. */
  rootPath: string;
  user: ResolvedUser;
  /** Variables (`NAME=value`) of legacy links. */
  linked?: string[];
  namespaces: {
    network: NamespaceSource;
    pid: NamespaceSource;
    ipc: NamespaceSource;
    uts: NamespaceSource;
    /** Absent: the host's. */
    user?: UserNamespaceSource;
  };
  /** Absolute host paths of the files to bind at /etc/resolv.conf, /etc/hosts and /etc/hostname. */
  files: { resolvConf?: string; hosts?: string; hostname?: string };
  /**
   * Absolute host path to bind at /dev/shm: for the ipc modes `shareable` and `container:` the tmpfs that
   * the engine mounted for the owner. Absent: the container gets a tmpfs of its own (ipc mode `host`: the host's).
   */
  shmPath?: string;
  /** What is known of the sources of mounts only when the container starts, by destination. */
  sources?: Record<string, MountSource>;
  /** Files of secrets and configs: absolute paths on the host, and where they are to appear. */
  granted?: { source: string; destination: string }[];
  /** What the CDI devices of HostConfig.DeviceRequests bring, but for their device nodes, which are among `devices`. */
  cdi?: Pick<CdiEdits, 'env' | 'mounts' | 'hooks'>;
  /** Of HostConfig.Devices; for a privileged container all devices of the host. */
  devices: ResolvedDevice[];
  /** Device numbers of the block devices that the Blkio settings name, by path. */
  blockDevices: Record<string, { major: number; minor: number }>;
  /** Such as `/berth-0a1b2c`; HostConfig.CgroupParent goes before it. */
  cgroupParent: string;
  /** Absolute host path of a static init program, for HostConfig.Init. */
  initPath?: string;
  host: HostFacts;
}
