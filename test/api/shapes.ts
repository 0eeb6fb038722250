import { Type } from 'typebox';
import {
  anything,
  closed,
  containerConfig,
  count,
  descriptor,
  digest,
  flag,
  id,
  list,
  map,
  orNull,
  text,
  texts,
  time,
} from './fields.ts';

export * from './fields.ts';
export * from './shapes-of-images.ts';

// Containers, execs.

export const endpoint = closed({
  IPAMConfig: orNull(anything),
  Links: orNull(texts),
  Aliases: orNull(texts),
  MacAddress: text,
  DriverOpts: orNull(map),
  GwPriority: count,
  NetworkID: text,
  EndpointID: text,
  Gateway: text,
  IPAddress: text,
  IPPrefixLen: count,
  IPv6Gateway: text,
  GlobalIPv6Address: text,
  GlobalIPv6PrefixLen: count,
  DNSNames: orNull(texts),
});

export const mount = closed(
  { Type: text, Source: text, Destination: text, Mode: text, RW: flag, Propagation: text },
  { Name: text, Driver: text },
);

export const port = closed({ PrivatePort: count, Type: text }, { IP: text, PublicPort: count });

const summary = {
  Id: id,
  Names: texts,
  Image: text,
  ImageID: digest,
  Command: text,
  Created: count,
  Ports: list(port),
  Labels: map,
  State: text,
  Status: text,
  HostConfig: closed({ NetworkMode: text }, { Annotations: map }),
  NetworkSettings: closed({ Networks: Type.Record(text, endpoint) }),
  Mounts: list(mount),
};

const sized = { ...summary, SizeRw: count, SizeRootFs: count };
/** Since 1.48. */
const manifested = { ImageManifestDescriptor: descriptor };

export const containerSummary = closed({ ...summary, ...manifested });
export const oldSummary = closed(summary);
export const sizedSummary = closed({ ...sized, ...manifested });
export const oldSizedSummary = closed(sized);

export const state = closed(
  {
    Status: text,
    Running: flag,
    Paused: flag,
    Restarting: flag,
    OOMKilled: flag,
    Dead: flag,
    Pid: count,
    ExitCode: count,
    Error: text,
    StartedAt: time,
    FinishedAt: time,
  },
  { Health: closed({ Status: text, FailingStreak: count, Log: list(anything) }) },
);

const networkSettings = closed({
  Bridge: text,
  SandboxID: text,
  SandboxKey: text,
  Ports: Type.Record(text, orNull(list(closed({ HostIp: text, HostPort: text })))),
  HairpinMode: flag,
  LinkLocalIPv6Address: text,
  LinkLocalIPv6PrefixLen: count,
  SecondaryIPAddresses: Type.Null(),
  SecondaryIPv6Addresses: Type.Null(),
  EndpointID: text,
  Gateway: text,
  GlobalIPv6Address: text,
  GlobalIPv6PrefixLen: count,
  IPAddress: text,
  IPPrefixLen: count,
  IPv6Gateway: text,
  MacAddress: text,
  Networks: Type.Record(text, endpoint),
});

const inspect = {
  Id: id,
  Created: time,
  Path: text,
  Args: texts,
  State: state,
  Image: digest,
  ResolvConfPath: text,
  HostnamePath: text,
  HostsPath: text,
  LogPath: text,
  Name: Type.String({ pattern: '^/' }),
  RestartCount: count,
  Driver: text,
  Platform: text,
  MountLabel: text,
  ProcessLabel: text,
  AppArmorProfile: text,
  ExecIDs: orNull(texts),
  HostConfig: Type.Object({
    NetworkMode: text,
    RestartPolicy: closed({ Name: text, MaximumRetryCount: count }),
    LogConfig: closed({ Type: text, Config: map }),
    Memory: count,
    NanoCpus: count,
    PidsLimit: orNull(count),
    Binds: orNull(texts),
    CapAdd: orNull(texts),
    ShmSize: count,
    MaskedPaths: orNull(texts),
    ReadonlyPaths: orNull(texts),
    Runtime: text,
    CgroupnsMode: text,
    IpcMode: text,
    ConsoleSize: list(count),
  }),
  GraphDriver: closed({ Name: text, Data: anything }),
  Mounts: list(mount),
  Config: closed(containerConfig, { ExposedPorts: anything, StopSignal: text, StopTimeout: count }),
  NetworkSettings: networkSettings,
};

export const containerInspect = closed({ ...inspect, ImageManifestDescriptor: descriptor });
export const sizedInspect = closed({
  ...inspect,
  ImageManifestDescriptor: descriptor,
  SizeRw: count,
  SizeRootFs: count,
});
/** As clients before 1.44 read it. */
export const oldInspect = closed({
  ...inspect,
  Config: closed({ ...containerConfig, MacAddress: text }, { ExposedPorts: anything, StopSignal: text }),
});

const stats = Type.Object({ cpu_usage: anything, throttling_data: anything });
export const containerStats = closed(
  {
    name: text,
    id,
    read: time,
    preread: time,
    pids_stats: closed({}, { current: count, limit: count }),
    blkio_stats: anything,
    num_procs: count,
    storage_stats: closed({}),
    cpu_stats: stats,
    precpu_stats: stats,
    memory_stats: closed({}, { usage: count, max_usage: count, stats: anything, limit: count }),
  },
  { networks: anything },
);

export const execInspect = closed({
  ID: id,
  Running: flag,
  ExitCode: orNull(count),
  ProcessConfig: closed({ tty: flag, entrypoint: text, arguments: texts, privileged: flag }, { user: text }),
  OpenStdin: flag,
  OpenStderr: flag,
  OpenStdout: flag,
  CanRemove: flag,
  ContainerID: id,
  DetachKeys: text,
  Pid: count,
});
