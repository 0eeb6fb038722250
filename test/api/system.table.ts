import { Type } from 'typebox';
import * as shapes from './shapes.ts';
import type { Call, Table } from './table.ts';

const { anything, closed, count, flag, list, map, orNull, text, texts } = shapes;

const details = {
  ApiVersion: text,
  Arch: text,
  BuildTime: text,
  GitCommit: text,
  GoVersion: text,
  KernelVersion: text,
  MinAPIVersion: text,
  Os: text,
};
const version = closed({
  Platform: closed({ Name: text }),
  Components: list(closed({ Name: text, Version: text, Details: map })),
  Version: text,
  ...details,
  Experimental: flag,
});

const commit = closed({ ID: text });
const oldCommit = closed({ ID: text, Expected: text });
const info = {
  ID: text,
  Containers: count,
  ContainersRunning: count,
  ContainersPaused: count,
  ContainersStopped: count,
  Images: count,
  Driver: text,
  DriverStatus: list(texts),
  DockerRootDir: text,
  MemoryLimit: flag,
  SwapLimit: flag,
  CpuCfsPeriod: flag,
  CpuCfsQuota: flag,
  CPUShares: flag,
  CPUSet: flag,
  PidsLimit: flag,
  OomKillDisable: flag,
  IPv4Forwarding: flag,
  CgroupDriver: text,
  CgroupVersion: text,
  KernelVersion: text,
  OperatingSystem: text,
  OSVersion: text,
  OSType: text,
  Architecture: text,
  NCPU: count,
  MemTotal: count,
  SecurityOptions: texts,
  Runtimes: Type.Record(text, Type.Object({ path: text })),
  DefaultRuntime: text,
  IndexServerAddress: text,
  Plugins: closed({ Volume: texts, Network: texts, Authorization: Type.Null(), Log: texts }),
  Debug: flag,
  NFd: count,
  NGoroutines: count,
  NEventsListener: count,
  SystemTime: shapes.time,
  LoggingDriver: text,
  HttpProxy: text,
  HttpsProxy: text,
  NoProxy: text,
  Name: text,
  Labels: texts,
  ExperimentalBuild: flag,
  ServerVersion: text,
  Swarm: Type.Object({ LocalNodeState: Type.Literal('inactive') }),
  LiveRestoreEnabled: flag,
  Isolation: text,
  InitBinary: text,
  ProductLicense: text,
  GenericResources: Type.Null(),
  Warnings: orNull(texts),
};
const registry = { InsecureRegistryCIDRs: texts, IndexConfigs: anything, Mirrors: texts };
const commits = (one: typeof commit) => ({ RuncCommit: one, ContainerdCommit: one, InitCommit: one });
const info151 = closed({
  ...info,
  ...commits(commit),
  RegistryConfig: closed(registry),
  CDISpecDirs: texts,
  FirewallBackend: closed({ Driver: text }),
  DiscoveredDevices: list(anything),
});
const bridging = { BridgeNfIptables: flag, BridgeNfIp6tables: flag };
const oldRegistry = closed({
  ...registry,
  AllowNondistributableArtifactsCIDRs: Type.Null(),
  AllowNondistributableArtifactsHostnames: Type.Null(),
});
const info148 = closed({
  ...info,
  ...commits(oldCommit),
  ...bridging,
  RegistryConfig: oldRegistry,
  CDISpecDirs: texts,
});
const info141 = closed({
  ...info,
  ...commits(oldCommit),
  ...bridging,
  RegistryConfig: oldRegistry,
  KernelMemory: flag,
  KernelMemoryTCP: flag,
});

const usage = {
  LayersSize: count,
  Images: list(shapes.imageListed),
  Containers: list(shapes.sizedSummary),
  Volumes: list(shapes.usedVolume),
  BuildCache: list(anything),
};

export const system: Table = {
  'GET /_ping': [
    { path: '/_ping', status: 200, type: 'text/plain; charset=utf-8', text: /^OK$/ },
    { path: '/_ping', version: '1.24', status: 200, type: 'text/plain; charset=utf-8' },
  ],
  'OPTIONS /_ping': [{ path: '/_ping', status: 200, type: 'text/plain; charset=utf-8' }],
  'GET /version': [
    { path: '/version', status: 200, shape: version },
    { path: '/version', version: '1.21', status: 400, text: /client version 1.21 is too old/ },
  ],
  'GET /info': [
    { path: '/info', status: 200, shape: info151 },
    { path: '/info', version: '1.48', status: 200, shape: info148 },
    { path: '/info', version: '1.41', status: 200, shape: info141 },
  ],
  'GET /events': [
    { path: '/events?since=1&until=2', status: 200 },
    { path: '/events?since=soon', status: 400 },
    { path: '/events?filters={"strange":["x"]}', status: 400 },
  ],
  'GET /system/df': [
    { path: '/system/df', status: 200, shape: closed(usage) },
    {
      path: '/system/df?type=volume&type=build-cache',
      status: 200,
      shape: closed({ Volumes: usage.Volumes, BuildCache: usage.BuildCache }),
    },
    { path: '/system/df?type=dance', status: 400 },
    {
      path: '/system/df',
      version: '1.41',
      status: 200,
      shape: closed({
        ...usage,
        Images: list(shapes.oldImageListed),
        Containers: list(shapes.oldSizedSummary),
        BuilderSize: count,
      }),
    },
  ],
};

const notManager = /This node is not a swarm manager/;
const swarm = (path: string): Call[] => [{ path, status: 503, text: notManager }];

function manages(noun: string): Table {
  return {
    [`GET /${noun}`]: swarm(`/${noun}`),
    [`POST /${noun}/create`]: swarm(`/${noun}/create`),
    [`GET /${noun}/:id`]: swarm(`/${noun}/x`),
    [`DELETE /${noun}/:id`]: swarm(`/${noun}/x`),
    [`POST /${noun}/:id/update`]: swarm(`/${noun}/x/update`),
  };
}

export const absent: Table = {
  'GET /swarm': swarm('/swarm'),
  'POST /swarm/init': [{ path: '/swarm/init', body: {}, status: 501 }],
  'POST /swarm/join': [{ path: '/swarm/join', body: {}, status: 501 }],
  'POST /swarm/leave': [{ path: '/swarm/leave', status: 503, text: /not part of a swarm/ }],
  'POST /swarm/update': swarm('/swarm/update'),
  'GET /swarm/unlockkey': swarm('/swarm/unlockkey'),
  'POST /swarm/unlock': swarm('/swarm/unlock'),
  'GET /nodes': swarm('/nodes'),
  'GET /nodes/:id': swarm('/nodes/x'),
  'DELETE /nodes/:id': swarm('/nodes/x'),
  'POST /nodes/:id/update': swarm('/nodes/x/update'),
  'GET /services/:id/logs': swarm('/services/x/logs?stdout=1'),
  'GET /tasks': swarm('/tasks'),
  'GET /tasks/:id': swarm('/tasks/x'),
  'GET /tasks/:id/logs': swarm('/tasks/x/logs?stdout=1'),
  ...manages('services'),
  ...manages('secrets'),
  ...manages('configs'),
  'GET /plugins': [{ path: '/plugins', status: 200, shape: list(anything) }],
  'GET /plugins/privileges': [{ path: '/plugins/privileges?remote=x', status: 501 }],
  'POST /plugins/pull': [{ path: '/plugins/pull?remote=x', body: [], status: 501 }],
  'POST /plugins/create': [{ path: '/plugins/create?name=x', body: Buffer.alloc(1024), status: 501 }],
  'GET /plugins/*': [{ path: '/plugins/a/b/json', status: 404, text: /plugin \\"a\/b\\" not found/ }],
  'POST /plugins/*': [{ path: '/plugins/a/enable', status: 404, text: /plugin \\"a\\" not found/ }],
  'DELETE /plugins/*': [{ path: '/plugins/a', status: 404 }],
};
