import { Type } from 'typebox';
import type { UnknownField } from '#api/docker/body.ts';
import { isEndpointResult } from '#api/docker/network-schemas.ts';
import type {
  ContainerConfig,
  EndpointRequest,
  HostConfig,
  Resources,
  RestartPolicy,
} from '#domain/container/config.ts';

// What a create request may hold (Docker Engine API, ContainerCreate). Null counts as absent, see `fitBody`.

const text = Type.Optional(Type.String());
const flag = Type.Optional(Type.Boolean());
const integer = Type.Optional(Type.Integer());
const texts = Type.Optional(Type.Array(Type.String()));
const map = Type.Optional(Type.Record(Type.String(), Type.String()));
const keys = Type.Optional(Type.Record(Type.String(), Type.Union([Type.Object({}), Type.Null()])));
const size = Type.Optional(Type.Array(Type.Integer({ minimum: 0 }), { minItems: 2, maxItems: 2 }));
const command = Type.Optional(Type.Union([Type.Array(Type.String()), Type.String()]));

const health = Type.Object({
  Test: texts,
  Interval: integer,
  Timeout: integer,
  StartPeriod: integer,
  StartInterval: integer,
  Retries: integer,
});

const config = {
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  ExposedPorts: keys,
  Tty: flag,
  OpenStdin: flag,
  StdinOnce: flag,
  Env: texts,
  Cmd: command,
  Entrypoint: command,
  Healthcheck: Type.Optional(health),
  ArgsEscaped: flag,
  Image: text,
  Volumes: keys,
  WorkingDir: text,
  NetworkDisabled: flag,
  MacAddress: text,
  OnBuild: texts,
  Labels: map,
  StopSignal: text,
  StopTimeout: integer,
  Shell: texts,
};

const throttle = Type.Optional(
  Type.Array(Type.Object({ Path: Type.String(), Rate: Type.Integer({ minimum: 0 }) })),
);

const restartPolicy = Type.Object({ Name: text, MaximumRetryCount: integer });

const resources = {
  CpuShares: integer,
  Memory: integer,
  CgroupParent: text,
  BlkioWeight: integer,
  BlkioWeightDevice: Type.Optional(
    Type.Array(Type.Object({ Path: Type.String(), Weight: Type.Integer({ minimum: 0 }) })),
  ),
  BlkioDeviceReadBps: throttle,
  BlkioDeviceWriteBps: throttle,
  BlkioDeviceReadIOps: throttle,
  BlkioDeviceWriteIOps: throttle,
  CpuPeriod: integer,
  CpuQuota: integer,
  CpuRealtimePeriod: integer,
  CpuRealtimeRuntime: integer,
  CpusetCpus: text,
  CpusetMems: text,
  Devices: Type.Optional(
    Type.Array(Type.Object({ PathOnHost: Type.String(), PathInContainer: text, CgroupPermissions: text })),
  ),
  DeviceCgroupRules: texts,
  DeviceRequests: Type.Optional(Type.Array(Type.Record(Type.String(), Type.Unknown()))),
  MemoryReservation: integer,
  MemorySwap: integer,
  MemorySwappiness: integer,
  NanoCpus: integer,
  OomKillDisable: flag,
  PidsLimit: integer,
  Ulimits: Type.Optional(
    Type.Array(Type.Object({ Name: Type.String(), Soft: Type.Integer(), Hard: Type.Integer() })),
  ),
};

const mount = Type.Object({
  Type: text,
  Source: text,
  Target: text,
  ReadOnly: flag,
  Consistency: text,
  BindOptions: Type.Optional(
    Type.Object({
      Propagation: text,
      NonRecursive: flag,
      CreateMountpoint: flag,
      ReadOnlyNonRecursive: flag,
      ReadOnlyForceRecursive: flag,
    }),
  ),
  VolumeOptions: Type.Optional(
    Type.Object({
      NoCopy: flag,
      Labels: Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])),
      DriverConfig: Type.Optional(
        Type.Object({
          Name: text,
          Options: Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])),
        }),
      ),
      Subpath: text,
    }),
  ),
  ImageOptions: Type.Optional(Type.Object({ Subpath: text })),
  TmpfsOptions: Type.Optional(
    Type.Object({
      SizeBytes: integer,
      Mode: integer,
      Options: Type.Optional(Type.Array(Type.Array(Type.String()))),
    }),
  ),
});

const portBinding = Type.Object({ HostIp: text, HostPort: text });

const hostConfig = {
  ...resources,
  Binds: texts,
  ContainerIDFile: text,
  LogConfig: Type.Optional(
    Type.Object({
      Type: text,
      Config: Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])),
    }),
  ),
  NetworkMode: text,
  PortBindings: Type.Optional(Type.Record(Type.String(), Type.Union([Type.Array(portBinding), Type.Null()]))),
  RestartPolicy: Type.Optional(restartPolicy),
  AutoRemove: flag,
  VolumeDriver: text,
  VolumesFrom: texts,
  Mounts: Type.Optional(Type.Array(mount)),
  ConsoleSize: size,
  Annotations: map,
  CapAdd: texts,
  CapDrop: texts,
  CgroupnsMode: text,
  Dns: texts,
  DnsOptions: texts,
  DnsSearch: texts,
  ExtraHosts: texts,
  GroupAdd: texts,
  IpcMode: text,
  Cgroup: text,
  Links: texts,
  OomScoreAdj: integer,
  PidMode: text,
  Privileged: flag,
  PublishAllPorts: flag,
  ReadonlyRootfs: flag,
  SecurityOpt: texts,
  StorageOpt: map,
  Tmpfs: map,
  UTSMode: text,
  UsernsMode: text,
  ShmSize: integer,
  Sysctls: map,
  Runtime: text,
  Isolation: text,
  MaskedPaths: texts,
  ReadonlyPaths: texts,
  Init: flag,
};

const endpoint = Type.Object({
  IPAMConfig: Type.Optional(
    Type.Union([Type.Object({ IPv4Address: text, IPv6Address: text, LinkLocalIPs: texts }), Type.Null()]),
  ),
  Links: Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
  Aliases: Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
  MacAddress: text,
  DriverOpts: Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])),
  GwPriority: integer,
});

export interface CreateBody extends ContainerConfig {
  HostConfig?: HostConfig;
  NetworkingConfig?: { EndpointsConfig?: Record<string, EndpointRequest | null> };
}

export const createBody = Type.Unsafe<CreateBody>(
  Type.Object({
    ...config,
    HostConfig: Type.Optional(Type.Object(hostConfig)),
    NetworkingConfig: Type.Optional(
      Type.Object({
        EndpointsConfig: Type.Optional(Type.Record(Type.String(), Type.Union([endpoint, Type.Null()]))),
      }),
    ),
  }),
);

export const updateBody = Type.Unsafe<Resources & { RestartPolicy?: RestartPolicy }>(
  Type.Object({ ...resources, RestartPolicy: Type.Optional(restartPolicy) }),
);

/** The configuration that a commit may give. */
export const commitConfig = Type.Object(config);

export const execBody = Type.Object({
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  ConsoleSize: size,
  DetachKeys: text,
  Tty: flag,
  Env: texts,
  Cmd: texts,
  Privileged: flag,
  User: text,
  WorkingDir: text,
});

export const execStartBody = Type.Object({ Detach: flag, Tty: flag, ConsoleSize: size });

/** Nothing is silently ignored: a field that Berth does not know is named in a warning. */
export function unknownWarnings(fields: readonly UnknownField[] = []): string[] {
  return fields
    .filter(
      ({ path, value }) => !(ignorable.has(path) && !value) && path !== 'name' && !isEndpointResult(path),
    )
    .map(({ path }) => `The field ${path} is not known and has no effect.`);
}

// Sent by Docker's own clients whatever the platform: nothing is asked as long as they are empty. (dockerode repeats
// `name`, which belongs into the query.)
const ignorable = new Set(
  [
    'CpuCount',
    'CpuPercent',
    'IOMaximumIOps',
    'IOMaximumBandwidth',
    'KernelMemory',
    'KernelMemoryTCP',
  ].flatMap((name) => [name, `HostConfig.${name}`]),
);
