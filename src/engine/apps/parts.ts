import type { LastService } from '#domain/app/observed.ts';
import type { Scale } from '#domain/app/scale.ts';
import type { AppTarget } from '#domain/app/target.ts';
import type {
  Builds,
  Containers,
  Events,
  Images,
  Ingress,
  Networks,
  Policies,
  Secrets,
  Volumes,
} from '#engine/contracts.ts';
import type { ServicePlaces, Services } from '#engine/contracts/services.ts';
import type { Clock } from '#ports/clock.ts';
import type { Machine } from '#ports/machine.ts';
import type { HostProcesses } from '#ports/host-processes.ts';
import type { ProjectFiles } from '#ports/project-files.ts';
import type { SecretProviders } from '#ports/secret-providers.ts';
import type { StateStore } from '#ports/state-store.ts';
import type { WorkingTree } from '#ports/working-tree.ts';
import type { HostRuleParts } from './host-rules.ts';
import type { DownRequest } from './requests.ts';

/** Everything that the room apps works with. */
export interface AppParts {
  machine: Pick<Machine, 'facts'>;
  /** What this machine is as a node, and gives to who sets nothing. */
  node: HostRuleParts['node'];
  store: StateStore;
  clock: Clock;
  events: Events;
  containers: Containers;
  images: Images;
  builds: Pick<Builds, 'build'>;
  networks: Networks;
  /** Addresses, names and ports of services. */
  places: ServicePlaces;
  volumes: Volumes;
  files: ProjectFiles;
  tree: WorkingTree;
  secrets: Pick<Secrets, 'put' | 'foresee' | 'latest' | 'value' | 'usedBy' | 'collect'>;
  providers: SecretProviders;
  services: Pick<Services, 'settled'>;
  processes: Pick<HostProcesses, 'inboundConnections'>;
  ingress: Pick<Ingress, 'check' | 'assign' | 'remove'>;
  policies: Pick<Policies, 'declare' | 'restore'>;
  /** Says what went wrong in the background: nobody waits for the answer there. */
  report: (problem: string, error: unknown) => void;
}

export interface Canary {
  /** With every `imageId`. */
  target: AppTarget;
  /** Of the replicas: above 0, at most 1. */
  share: number;
  folder: string;
  files: string[];
  sources: string;
}

/** What the state store holds of an app. */
export interface AppRecord {
  name: string;
  /** From 1, of the last change of the target; 0 while the first `up` goes on. */
  revision: number;
  folder: string;
  files: string[];
  /** RFC 3339. */
  updated: string;
  services: Record<string, LastService & { replicas: number }>;
  /**
   * What holds since the last change that went well, with every `imageId`, without the scale: `inForce` adds it.
   * Absent while the first `up` goes on, and in records of the first schema version until their next `up`.
   */
  target?: AppTarget;
  scale?: Scale;
  /** Services that a person stopped: they stay so until they are started, or the app is brought up. */
  stopped?: readonly string[];
  /** A part of the next revision that stands beside the present one. */
  canary?: Canary;
  /** A `down` began and came to no end yet: nothing of the app is brought back, and the next start of the daemon ends it. */
  leaving?: DownRequest;
}
