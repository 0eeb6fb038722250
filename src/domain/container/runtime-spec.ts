// The parts of the OCI runtime specification (config.md, config-linux.md) that Berth writes.

export interface ProcessSpec {
  terminal: boolean;
  consoleSize?: { height: number; width: number };
  cwd: string;
  env: string[];
  args: string[];
  user: { uid: number; gid: number; umask?: number; additionalGids?: number[] };
  capabilities?: CapabilitySets;
  rlimits?: { type: string; soft: number; hard: number }[];
  noNewPrivileges?: boolean;
  apparmorProfile?: string;
  oomScoreAdj?: number;
}

export interface CapabilitySets {
  bounding: string[];
  effective: string[];
  permitted: string[];
  inheritable?: string[];
  ambient?: string[];
}

export interface MountSpec {
  destination: string;
  type: string;
  source: string;
  options: string[];
}

export interface NamespaceSpec {
  type: 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup';
  path?: string;
}

export interface DeviceRule {
  allow: boolean;
  type?: string;
  major?: number;
  minor?: number;
  access: string;
}

export interface DeviceSpec {
  type: 'c' | 'b' | 'p' | 'u';
  path: string;
  major: number;
  minor: number;
  fileMode?: number;
  uid?: number;
  gid?: number;
}

export interface ResourcesSpec {
  devices?: DeviceRule[];
  memory?: {
    limit?: number;
    reservation?: number;
    swap?: number;
    swappiness?: number;
    disableOOMKiller?: boolean;
  };
  cpu?: {
    shares?: number;
    quota?: number;
    period?: number;
    realtimeRuntime?: number;
    realtimePeriod?: number;
    cpus?: string;
    mems?: string;
  };
  pids?: { limit: number };
  blockIO?: {
    weight?: number;
    weightDevice?: { major: number; minor: number; weight: number }[];
    throttleReadBpsDevice?: ThrottleSpec[];
    throttleWriteBpsDevice?: ThrottleSpec[];
    throttleReadIOPSDevice?: ThrottleSpec[];
    throttleWriteIOPSDevice?: ThrottleSpec[];
  };
}

export interface ThrottleSpec {
  major: number;
  minor: number;
  rate: number;
}

export interface SeccompSpec {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures: string[];
  syscalls: SyscallRule[];
}

export interface SyscallRule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
}

export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

export interface HookSpec {
  path: string;
  args?: string[];
  env?: string[];
  timeout?: number;
}

export interface RuntimeSpec {
  ociVersion: string;
  process: ProcessSpec;
  root: { path: string; readonly: boolean };
  hostname?: string;
  domainname?: string;
  mounts: MountSpec[];
  annotations?: Record<string, string>;
  /** By name, such as `createContainer`. */
  hooks?: Record<string, HookSpec[]>;
  linux: {
    namespaces: NamespaceSpec[];
    uidMappings?: IdMapping[];
    gidMappings?: IdMapping[];
    devices?: DeviceSpec[];
    cgroupsPath: string;
    resources: ResourcesSpec;
    rootfsPropagation?: string;
    seccomp?: SeccompSpec;
    sysctl?: Record<string, string>;
    maskedPaths?: string[];
    readonlyPaths?: string[];
  };
}
