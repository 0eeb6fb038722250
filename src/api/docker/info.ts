import { logDrivers } from '#domain/container/log-limits.ts';
import { compareVersions } from '#api/versions.ts';
import type { SystemReport } from '#engine/system/system.ts';

/** Docker's SystemInfo. Fields of features that Berth has not are as in an engine that does not use them. */
export function infoOf(report: SystemReport, apiVersion: string): object {
  return {
    ID: report.id,
    ...counts(report),
    ...storage(report),
    ...kernel(report, apiVersion),
    ...runtimes(report, apiVersion),
    ...registries(report, apiVersion),
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'ipvlan', 'macvlan', 'null'],
      Authorization: null,
      Log: logDrivers,
    },
    Debug: false,
    NFd: report.machine.descriptors,
    NGoroutines: 0,
    NEventsListener: 0,
    SystemTime: report.now,
    LoggingDriver: 'json-file',
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: report.machine.hostname,
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: report.release.version,
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: 'docker-init',
    ProductLicense: '',
    GenericResources: null,
    ...(isSince(apiVersion, '1.44') && { CDISpecDirs: [] }),
    Warnings: report.warnings,
    ...(isSince(apiVersion, '1.49') && { FirewallBackend: { Driver: 'nftables' } }),
    ...(isSince(apiVersion, '1.50') && { DiscoveredDevices: [] }),
  };
}

function isSince(version: string, first: string): boolean {
  return compareVersions(version, first) >= 0;
}

function counts({ containers, images }: SystemReport): object {
  return {
    Containers: containers.all,
    ContainersRunning: containers.running,
    ContainersPaused: containers.paused,
    ContainersStopped: containers.stopped,
    Images: images,
  };
}

function storage({ root }: SystemReport): object {
  return {
    Driver: 'overlayfs',
    // Clients take this for an image store that loads OCI layouts and keeps several platforms, as it is one.
    DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']],
    DockerRootDir: root,
  };
}

function kernel({ machine, remapped }: SystemReport, apiVersion: string): object {
  return {
    MemoryLimit: true,
    SwapLimit: true,
    ...(!isSince(apiVersion, '1.42') && { KernelMemory: false, KernelMemoryTCP: false }),
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    OomKillDisable: machine.cgroupVersion === 1,
    IPv4Forwarding: machine.ipv4Forwarding,
    ...(!isSince(apiVersion, '1.50') && { BridgeNfIptables: false, BridgeNfIp6tables: false }),
    CgroupDriver: 'cgroupfs',
    CgroupVersion: String(machine.cgroupVersion),
    KernelVersion: machine.kernelVersion,
    OperatingSystem: machine.operatingSystem,
    OSVersion: machine.osVersion,
    OSType: 'linux',
    Architecture: machine.machine,
    NCPU: machine.processors,
    MemTotal: machine.memory,
    SecurityOptions: [
      ...(machine.apparmor ? ['name=apparmor'] : []),
      ...(machine.seccomp ? ['name=seccomp,profile=builtin'] : []),
      ...(machine.cgroupVersion === 2 ? ['name=cgroupns'] : []),
      ...(remapped ? ['name=userns'] : []),
    ],
  };
}

function runtimes({ runtime }: SystemReport, apiVersion: string): object {
  const commit = (id: string): object =>
    isSince(apiVersion, '1.49') ? { ID: id } : { ID: id, Expected: id };
  return {
    Runtimes: Object.fromEntries(runtime.names.map((name) => [name, { path: name }])),
    DefaultRuntime: runtime.name,
    RuncCommit: commit(runtime.commit),
    ContainerdCommit: commit(''),
    InitCommit: commit(''),
  };
}

function registries({ insecureRegistries, mirrors }: SystemReport, apiVersion: string): object {
  const index = (name: string, secure: boolean): object => ({
    Name: name,
    Mirrors: mirrors[name] ?? [],
    Secure: secure,
    Official: name === 'docker.io',
  });
  return {
    RegistryConfig: {
      ...(!isSince(apiVersion, '1.49') && {
        AllowNondistributableArtifactsCIDRs: null,
        AllowNondistributableArtifactsHostnames: null,
      }),
      InsecureRegistryCIDRs: ['127.0.0.0/8', '::1/128'],
      IndexConfigs: {
        'docker.io': index('docker.io', true),
        ...Object.fromEntries(insecureRegistries.map((name) => [name, index(name, false)])),
      },
      Mirrors: mirrors['docker.io'] ?? [],
    },
    IndexServerAddress: 'https://index.docker.io/v1/',
  };
}
