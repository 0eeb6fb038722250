import type { Image } from '#domain/image/image.ts';
import type { LayerLimits } from '#domain/image/layer-limit.ts';
import type { Instance } from '#domain/instance.ts';
import type { Inventory } from '#domain/package/inventory.ts';
import type { Events, Images, Networks } from '#engine/contracts.ts';
import type { AgentSockets } from '#ports/agent-sockets.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { ContainerFiles } from '#ports/container-files.ts';
import type { DiskSpace } from '#ports/disk-space.ts';
import type { FileTrees } from '#ports/file-trees.ts';
import type { Git } from '#ports/git.ts';
import type { Host } from '#ports/host.ts';
import type { HostAgents } from '#ports/host-agents.ts';
import type { LayoutFolders } from '#ports/layout-folders.ts';
import type { RegistryClient } from '#ports/registry-client.ts';
import type { RootFiles } from '#ports/root-files.ts';
import type { Runtime } from '#ports/runtime.ts';
import type { Snapshotter } from '#ports/snapshotter.ts';
import type { StateStore } from '#ports/state-store.ts';

/** Everything that the room builds works with. */
export interface BuildParts {
  store: StateStore;
  clock: Clock;
  events: Events;
  images: Images;
  registry: Pick<RegistryClient, 'manifest' | 'blob'>;
  networks: Networks;
  runtime: Runtime;
  snapshotter: Snapshotter;
  blobs: BlobStore;
  space: DiskSpace;
  trees: FileTrees;
  layouts: LayoutFolders;
  git: Git;
  rootFiles: Pick<RootFiles, 'packFolders'>;
  files: ContainerFiles;
  agentSockets: AgentSockets;
  hostAgents: HostAgents;
  host: Host;
  instance: Instance;
  /** What is installed in an image; undefined without a package database. */
  inventories: { of(image: Pick<Image, 'chainId'>): Promise<Inventory | undefined> };
  /** What the layers of a cache may unpack to. */
  layerLimits: LayerLimits;
  /** Of Berth. */
  version: string;
  /** Says what went wrong in the background: nobody waits for the answer there. */
  report: (problem: string, error: unknown) => void;
}

/** Begins the keys of a build's snapshots, so that what a crash leaves can be told from containers'. */
export const snapshotPrefix = 'build-';
