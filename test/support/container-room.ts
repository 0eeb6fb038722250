import { PassThrough } from 'node:stream';
import { instanceOf } from '#domain/instance.ts';
import type { HostFacts } from '#domain/container/spec-input.ts';
import type { Network } from '#domain/network/network.ts';
import type { Image } from '#domain/image/image.ts';
import type { Volume } from '#domain/volume/volume.ts';
import { Containers } from '#engine/containers/containers.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { TaskExit, TaskStatus } from '#ports/runtime.ts';
import { conflict, notFound } from '#base/errors.ts';
import { MemoryState } from './image-room.ts';

// The room containers with a world in memory: tests see what it holds and make things fail.

const image: Image = {
  id: `sha256:${'1'.repeat(64)}`,
  manifestDigest: `sha256:${'2'.repeat(64)}`,
  config: {
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['sleep'] },
    rootfs: { type: 'layers', diff_ids: [] },
  },
  layers: [],
  chainId: '',
  size: 1,
  tags: ['docker.io/library/x:latest'],
  repoDigests: [],
  stored: '',
};

/** A part of which a test uses these members only, and those that are `absent`; any other fails the test. */
export function fake<T extends object>(members: Partial<T>, absent: readonly (keyof T)[] = []): T {
  const create: (prototype: null) => T = Object.create;
  const strict = new Proxy(create(null), {
    get: (target, key) => {
      if (absent.some((name) => name === key)) return undefined;
      if (!(key in target)) throw new Error(`'${String(key)}' is not part of this test`);
      const value: unknown = Reflect.get(target, key);
      return value;
    },
  });
  return Object.assign(strict, members);
}

/** What exists on the pretended host; `connections` are to receivers of logs. */
export class World {
  readonly state = new MemoryState();
  readonly snapshots = new Set<string>();
  readonly mounted = new Set<string>();
  readonly sandboxes = new Set<string>();
  readonly files = new Set<string>();
  readonly volumes = new Map<string, Volume>();
  readonly tasks = new Map<string, TaskStatus>();
  readonly exits = new Map<string, TaskExit>();
  /** Processors of control groups, by container; '' for all. */
  readonly cpus = new Map<string, string>();
  readonly events: string[] = [];
  readonly problems: string[] = [];
  readonly signals: string[] = [];
  connections = 0;
  /** Not ended yet, in milliseconds. */
  readonly sleeps: { ms: number; wake: () => void }[] = [];
  /** Step that fails: `snapshot`, `create`, `start` ... */
  failing = '';
  now = Date.UTC(2026, 0, 1);
  facts = facts;
  #listener: (exit: TaskExit) => void = () => undefined;

  fail(step: string): Promise<void> {
    return this.failing === step ? Promise.reject(new Error(`${step} failed`)) : Promise.resolve();
  }

  /** The main process of a container ends. */
  end(id: string, exitCode: number): void {
    const exit = { id, exitCode, exitedAt: this.timestamp(), oomKilled: false };
    this.tasks.set(id, 'stopped');
    this.exits.set(id, exit);
    this.#listener(exit);
  }

  onExit(listener: (exit: TaskExit) => void): void {
    this.#listener = listener;
  }

  timestamp(): string {
    return new Date((this.now += 1)).toISOString();
  }

  /** Ends the oldest sleep of so many milliseconds. */
  wake(ms: number): void {
    const index = this.sleeps.findIndex((sleep) => sleep.ms === ms);
    if (index < 0) throw new Error(`nobody sleeps for ${ms} ms`);
    this.sleeps.splice(index, 1)[0]?.wake();
  }

  /** A room on this world, as a start of the daemon makes it. */
  async room(admission: ContainerParts['admission'] = []): Promise<Containers> {
    const containers = new Containers({ ...parts(this), admission });
    await containers.open();
    return containers;
  }
}

function parts(world: World): Omit<ContainerParts, 'admission'> {
  const done = (): Promise<void> => Promise.resolve();
  return {
    store: world.state,
    instance: instanceOf('/root', '/run'),
    random: () => 0,
    report: (problem) => void world.problems.push(problem),
    clock: {
      now: () => world.now,
      timestamp: () => world.timestamp(),
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          world.sleeps.push({ ms, wake: resolve });
          signal?.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
        }),
    },
    events: fake<ContainerParts['events']>({
      emit: (type, action) => void world.events.push(`${type} ${action}`),
    }),
    images: fake<ContainerParts['images']>({
      get: (name) => {
        if (name === 'x') return image;
        throw notFound('image-missing', `No such image: ${name}`);
      },
      find: () => image,
      usedBy: () => undefined,
    }),
    networks: networksOf(world),
    volumes: volumesOf(world),
    secrets: fake<ContainerParts['secrets']>({}),
    snapshotter: snapshotterOf(world),
    runtime: runtimeOf(world),
    prober: fake<ContainerParts['prober']>({}),
    logs: fake<ContainerParts['logs']>({
      prepare: () => Promise.resolve('/log'),
      path: () => '/log',
      remove: done,
    }),
    logTargets: fake<ContainerParts['logTargets']>({
      origin: { hostName: 'host', processId: 1, zoneMinutes: () => 0 },
      open: () => {
        world.connections++;
        return Promise.resolve({ send: () => Promise.resolve(0), close: () => (world.connections -= 1) });
      },
    }),
    cgroups: fake<ContainerParts['cgroups']>({ expectMove: () => undefined }),
    links: fake<ContainerParts['links']>({}),
    host: fake<ContainerParts['host']>(
      {
        facts: world.facts,
        readInRoot: () => Promise.resolve(undefined),
        makeFolderInRoot: done,
        markRoot: done,
      },
      ['userNamespace'],
    ),
    files: fake<ContainerParts['files']>({
      paths: (id) => ({
        hosts: `/${id}/hosts`,
        hostname: `/${id}/hostname`,
        resolvConf: `/${id}/resolv.conf`,
      }),
      write: (id) => Promise.resolve(void world.files.add(id)),
      remove: (id) => new Promise((resolve) => resolve(void world.files.delete(id))),
      list: () => Promise.resolve([...world.files]),
      unmountAll: done,
      kind: (path) => Promise.resolve(path.startsWith('/missing') ? undefined : 'folder'),
      makeFolder: done,
    }),
    rootFiles: fake<ContainerParts['rootFiles']>({ copyUp: done, packAll: () => new PassThrough() }),
    processes: fake<ContainerParts['processes']>({}),
  };
}

const facts: HostFacts = {
  cgroupVersion: 2,
  controllers: [],
  swapAccounting: false,
  blkioWeight: false,
  cpus: { count: 2, online: '0-1', nodes: '0' },
  topology: [{ id: 0, cpus: [0, 1], memory: 0 }],
  apparmor: false,
  hardLimits: {},
  capabilities: [],
  architecture: 'x64',
  kernel: { major: 6, minor: 1 },
};

const none: Network = {
  id: 'n'.repeat(64),
  name: 'none',
  created: '',
  driver: 'null',
  scope: 'local',
  ...{ ipv6: false, internal: false, attachable: false },
  options: {},
  labels: {},
  pools: [],
  ipamOptions: {},
  bridge: '',
  mtu: 0,
};

function networksOf(world: World): ContainerParts['networks'] {
  const done = (): Promise<void> => Promise.resolve();
  return fake<ContainerParts['networks']>({
    get: () => none,
    list: () => [none],
    endpoint: (_container, network, request, index) => ({
      networkId: network.id,
      networkName: network.name,
      endpointId: '',
      request,
      interfaceName: `eth${index}`,
      macAddress: '',
      ipAddress: '',
      prefixLength: 0,
      gateway: '',
      ip6Address: '',
      ip6PrefixLength: 0,
      ip6Gateway: '',
      dnsNames: [],
    }),
    createSandbox: async (id) => {
      await world.fail('sandbox');
      world.sandboxes.add(id);
      return `/run/netns/${id}`;
    },
    entrustSandbox: done,
    removeSandbox: ({ id }) => Promise.resolve(void world.sandboxes.delete(id)),
    portsOf: ({ ports }) => ports,
    resolvConf: () => '',
    adopt: (running) => {
      for (const id of world.sandboxes) if (!running.some((one) => one.id === id)) world.sandboxes.delete(id);
      return Promise.resolve();
    },
    connectedBy: () => undefined,
  });
}

function volumesOf(world: World): ContainerParts['volumes'] {
  return fake<ContainerParts['volumes']>({
    find: (name) => world.volumes.get(name),
    create: async ({ name = '', anonymous = false }) => {
      await world.fail('volume');
      const volume: Volume = {
        name,
        driver: 'local',
        created: '',
        mountpoint: `/volumes/${name}`,
        labels: {},
        options: {},
        anonymous,
      };
      world.volumes.set(name, volume);
      return volume;
    },
    remove: (name) => Promise.resolve(void world.volumes.delete(name)),
    use: (name) => Promise.resolve(`/volumes/${name}`),
    usedBy: () => undefined,
  });
}

function snapshotterOf(world: World): ContainerParts['snapshotter'] {
  return fake<ContainerParts['snapshotter']>({
    create: async (key) => {
      await world.fail('snapshot');
      world.snapshots.add(key);
    },
    mount: async (key) => {
      await world.fail('mount');
      world.mounted.add(key);
      return `/snapshots/${key}`;
    },
    unmount: (key) => Promise.resolve(void world.mounted.delete(key)),
    remove: (key) => {
      world.mounted.delete(key);
      return Promise.resolve(void world.snapshots.delete(key));
    },
    usage: () => Promise.resolve(10),
    listActive: () => Promise.resolve([...world.snapshots]),
  });
}

function runtimeOf(world: World): ContainerParts['runtime'] {
  return fake<ContainerParts['runtime']>({
    name: 'crun',
    names: ['crun'],
    create: async ({ id, spec }) => {
      await world.fail('create');
      world.cpus.set(id, spec.linux.resources.cpu?.cpus ?? '');
      world.tasks.set(id, 'created');
      return { pid: 4242 };
    },
    start: async (id) => {
      await world.fail('start');
      world.tasks.set(id, 'running');
    },
    signal: (id, signal) => {
      if (world.tasks.get(id) !== 'running') throw conflict('task-not-running', 'not running');
      world.signals.push(`${signal}`);
      if (signal === 9) world.end(id, 137);
      return Promise.resolve();
    },
    update: (id, { cpu }) => Promise.resolve(void world.cpus.set(id, cpu?.cpus ?? '')),
    delete: (id) => {
      world.cpus.delete(id);
      world.exits.delete(id);
      return Promise.resolve(void world.tasks.delete(id));
    },
    observe: (id) => Promise.resolve({ status: world.tasks.get(id) ?? 'absent', pid: 4242 }),
    exitOf: (id) => Promise.resolve(world.exits.get(id)),
    onExit: (listener) => world.onExit(listener),
    onOom: () => undefined,
    list: () => Promise.resolve([...world.tasks.keys()]),
    rootOf: (id) => (world.tasks.get(id) === 'running' ? `/roots/${id}` : undefined),
    attach: () => {
      const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
      return Promise.resolve({ stdin, stdout, stderr, close: () => stdout.destroy() });
    },
  });
}
