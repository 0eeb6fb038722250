import type { ContainerStatus, HealthStatus } from '#domain/container/container.ts';
import type { Settings } from './settings.ts';

/** What was found of an app, at one moment. */
export interface ObservedApp {
  /** All containers that carry the app's identity. */
  containers: ObservedContainer[];
  networks: ObservedNetwork[];
  volumes: ObservedVolume[];
  /** Id by image name, for the images that are here. */
  images: Readonly<Record<string, string | undefined>>;
  /** Of those ids that the target names, the ones that are here. */
  imageIds: ReadonlySet<string>;
  /** Names of images here that have a health check of their own. */
  probedImages: ReadonlySet<string>;
  /** Names of images that this very run pulled or built. */
  fresh: ReadonlySet<string>;
  /** By service, the hash of how it was last set to be reached. */
  reaches: Readonly<Record<string, string | undefined>>;
  /** By service, what the last successful run saw and made. */
  last: Readonly<Record<string, LastService | undefined>>;
}

export interface LastService {
  hash: string;
  settings: Settings;
  buildFingerprint: string;
  dependsOn: string[];
}

export interface ObservedContainer {
  id: string;
  name: string;
  service: string;
  replica: number;
  hash: string;
  imageId: string;
  /** RFC 3339. */
  created: string;
  status: ContainerStatus;
  /** 'none' without a health check. */
  health: HealthStatus;
  /** It ended by itself with exit code 0 and its policy does not start it again. */
  completed: boolean;
  /** Why it gets no requests although it may be well. */
  traffic?: 'held' | 'draining';
  /** Names of its volumes that nobody named. */
  anonymousVolumes: string[];
}

export interface ObservedNetwork {
  name: string;
  /** App that made it; undefined for a foreign one. */
  app?: string;
  hash: string;
}

export interface ObservedVolume {
  name: string;
  app?: string;
  hash: string;
}
