import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { StatfsDiskSpace } from '#adapters/disk-space/statfs-disk-space.ts';
import { SshHostAgents } from '#adapters/agent-sockets/ssh-host-agents.ts';
import { UnixAgentSockets } from '#adapters/agent-sockets/unix-agent-sockets.ts';
import { DiskLayoutFolders } from '#adapters/blobs/disk-layout-folders.ts';
import { HostCgroups } from '#adapters/cgroups/host-cgroups.ts';
import { DiskContainerFiles } from '#adapters/container-files/disk-container-files.ts';
import { HostGit } from '#adapters/git/host-git.ts';
import { LinuxHost } from '#adapters/host/linux-host.ts';
import { DiskRootFiles } from '#adapters/rootfs/disk-root-files.ts';
import { DiskFileTrees } from '#adapters/trees/disk-file-trees.ts';
import { BerthError, notFound, unsupported } from '#base/errors.ts';
import type { Image } from '#domain/image/image.ts';
import type { LayerLimits } from '#domain/image/layer-limit.ts';
import { instanceOf } from '#domain/instance.ts';
import type { Network } from '#domain/network/network.ts';
import { Inventories } from '#engine/bases/inventories.ts';
import { Builds } from '#engine/builds/builds.ts';
import type { BuildRequest, Networks } from '#engine/contracts.ts';
import type { RegistryClient } from '#ports/registry-client.ts';
import type { ConmonRuntime } from '#adapters/conmon/runtime.ts';
import { imageRoom, noRegistry, steppingClock, type ImageRoom } from './image-room.ts';
import { makeRootfs } from './rootfs.ts';
import { openRuntime } from './tasks.ts';

/** The room builds on real blobs, snapshots and containers; the host's network stands for all networks. */
export interface BuildRoom extends AsyncDisposable {
  room: ImageRoom;
  builds: Builds;
  trees: DiskFileTrees;
  runtime: ConmonRuntime;
  /** What was reported in the background. */
  problems: string[];
  /** Builds a folder with these files. The image `base` has busybox. */
  build(files: Record<string, string>, request?: Partial<BuildRequest>): Promise<Built>;
  /** A folder with these files, for `context`. */
  folder(files: Record<string, string>): Promise<string>;
  /** Reads what `read` wants from an image's file system. */
  inside<T>(image: Image, read: (root: string) => T): Promise<T>;
  /** Another room on the same state, as after a kill of the daemon. */
  again(): Builds;
}

/** What a build that fails is refused with. */
export async function refusal(work: Promise<unknown>): Promise<BerthError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof BerthError, `expected an error, got ${String(error)}`);
  return error;
}

export interface Built {
  image: Image;
  output: string;
}

export async function buildRoom(
  options: { registry?: RegistryClient; layerLimits?: LayerLimits } = {},
): Promise<BuildRoom> {
  const room = await imageRoom(options);
  const folder = mkdtempSync(join(tmpdir(), 'berth-builds-'));
  mkdirSync(join(folder, 'logs'));
  const runtime = await openRuntime(folder);
  const trees = new DiskFileTrees(join(folder, 'builds'));
  const problems: string[] = [];
  const cgroups = new HostCgroups();
  const instance = instanceOf(folder, join(folder, 'run'));
  const make = (): Builds =>
    new Builds({
      store: room.state,
      clock: steppingClock(),
      events: { emit: () => undefined, read: neverRead },
      images: room.images,
      registry: options.registry ?? noRegistry,
      networks: hostNetworkOnly(),
      runtime,
      snapshotter: room.snapshots,
      blobs: room.blobs,
      trees,
      space: new StatfsDiskSpace(folder),
      layouts: new DiskLayoutFolders(),
      git: new HostGit(),
      rootFiles: new DiskRootFiles(),
      agentSockets: new UnixAgentSockets(join(folder, 'agents')),
      hostAgents: new SshHostAgents(join(folder, 'ssh')),
      files: new DiskContainerFiles(join(folder, 'files')),
      host: new LinuxHost(cgroups),
      instance,
      inventories: new Inventories({ snapshots: room.snapshots, trees, store: room.state }),
      layerLimits: options.layerLimits ?? { maxSize: 1024 ** 4, maxRatio: 1000 },
      version: '1.2.3',
      report: (problem, error) => void problems.push(`${problem}: ${String(error)}`),
    });
  await importBase(room, folder);
  const builds = make();
  await builds.start();
  const write = async (files: Record<string, string>): Promise<string> => {
    const context = mkdtempSync(join(folder, 'context-'));
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(context, name)), { recursive: true });
      await writeFile(join(context, name), content);
    }
    return context;
  };
  return {
    room,
    builds,
    trees,
    runtime,
    problems,
    folder: write,
    build: async (files, request = {}) =>
      run(builds, { context: { folder: await write(files) }, ...request }),
    inside: (image, read) => room.snapshots.view(image.chainId, (root) => Promise.resolve(read(root))),
    again: make,
    [Symbol.asyncDispose]: async () => {
      for (const id of await runtime.list()) await runtime.delete(id);
      await runtime.close();
      await cgroups.remove(instance.cgroupParent);
      await room[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function run(
  builds: Builds,
  request: Partial<BuildRequest> & Pick<BuildRequest, 'context'>,
): Promise<Built> {
  let output = '';
  const image = await builds.build({
    tags: [],
    buildArgs: {},
    labels: {},
    networkMode: 'host',
    signal: new AbortController().signal,
    onProgress: ({ stream = '' }) => {
      output += stream;
    },
    ...request,
  });
  return { image, output };
}

async function importBase({ images }: ImageRoom, folder: string): Promise<void> {
  const rootfs = join(folder, 'rootfs');
  makeRootfs(rootfs);
  const tar = spawn('tar', ['-c', '-C', rootfs, '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await images.importRoot(tar.stdout, { reference: 'base', changes: ['ENV FROM_BASE=yes'], message: '' });
  rmSync(rootfs, { recursive: true });
}

function neverRead(): never {
  throw new Error('nobody reads events here');
}

/** Only what a step asks of the room networks. */
function hostNetworkOnly(): Networks {
  const refuse = (): never => {
    throw unsupported('test-network', 'this test has the network of the host only');
  };
  const host: Network = {
    id: 'host',
    name: 'host',
    created: '',
    driver: 'host',
    scope: 'local',
    ipv6: false,
    internal: false,
    attachable: false,
    options: {},
    labels: {},
    pools: [],
    ipamOptions: {},
    bridge: '',
    mtu: 1500,
  };
  return {
    get: (name) => {
      if (name === 'host') return host;
      throw notFound('network-missing', `network ${name} not found`);
    },
    list: () => [host],
    endpoint: (_container, network, request) => ({
      networkId: network.id,
      networkName: network.name,
      endpointId: '',
      request,
      interfaceName: '',
      macAddress: '',
      ipAddress: '',
      prefixLength: 0,
      gateway: '',
      ip6Address: '',
      ip6PrefixLength: 0,
      ip6Gateway: '',
      dnsNames: [],
    }),
    portsOf: ({ ports }) => ports,
    resolvConf: () => '',
    create: refuse,
    remove: refuse,
    createSandbox: refuse,
    entrustSandbox: refuse,
    removeSandbox: () => Promise.resolve(),
    attach: refuse,
    detach: refuse,
    publish: refuse,
    unpublish: refuse,
    adopt: refuse,
    joined: refuse,
    prune: refuse,
    connectedBy: () => undefined,
  };
}
