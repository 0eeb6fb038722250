import { Type } from 'typebox';
import type {
  ContainerConfig,
  EndpointRequest,
  HostConfig,
  Resources,
  RestartPolicy,
} from '#domain/container/config.ts';

// What a create request may hold (Docker Engine API, ContainerCreate). Null counts as absent, see `withoutNulls`.

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

const known = {
  // `name` belongs into the query; dockerode repeats it here.
  config: new Set([...Object.keys(config), 'HostConfig', 'NetworkingConfig', 'name']),
  hostConfig: new Set(Object.keys(hostConfig)),
};

/** Nothing is silently ignored: a field that Berth does not know is named in a warning. */
export function unknownFields(body: CreateBody): string[] {
  const unknown = (of: object, names: ReadonlySet<string>, prefix: string): string[] =>
    Object.entries(of)
      .filter(([key, value]) => !names.has(key) && !(ignorable.has(key) && !value))
      .map(([key]) => `The field ${prefix}${key} is not known and has no effect.`);
  return [
    ...unknown(body, known.config, ''),
    ...unknown(body.HostConfig ?? {}, known.hostConfig, 'HostConfig.'),
  ];
}

// Sent by Docker's own clients whatever the platform: nothing is asked as long as they are empty.
const ignorable = new Set([
  'CpuCount',
  'CpuPercent',
  'IOMaximumIOps',
  'IOMaximumBandwidth',
  'KernelMemory',
  'KernelMemoryTCP',
]);

/** Clients write null for what they leave out. Deep in maps (ports, endpoints) null has a meaning and stays. */
export function withoutNulls(body: unknown): unknown {
  if (!isObject(body)) return body;
  const nested = ['HostConfig', 'NetworkingConfig', 'Healthcheck', 'RestartPolicy', 'LogConfig'];
  const entries = Object.entries(body)
    .filter(([, value]) => value !== null)
    .map(([key, value]): [string, unknown] => {
      if (nested.includes(key)) return [key, withoutNulls(value)];
      if (key === 'Mounts' && Array.isArray(value)) return [key, value.map(withoutNulls)];
      return [key, value];
    });
  return Object.fromEntries(entries);
}

/** For a route's preValidation. */
export async function cleanBody(request: { body: unknown }): Promise<void> {
  request.body = withoutNulls(request.body);
  return Promise.resolve();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
