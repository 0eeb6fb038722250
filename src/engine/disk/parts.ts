import type { DiskSettings, KeepSettings } from '#domain/disk/rules.ts';
import type { Builds, Containers, Events, Volumes } from '#engine/contracts.ts';
import type { RecordedBuilds } from '#engine/bases/recorded-builds.ts';
import type { ImageUse } from '#engine/disk/image-use.ts';
import type { ImageContents } from '#engine/images/contents.ts';
import type { Images } from '#engine/images/images.ts';
import type { Registry } from '#engine/registry/registry.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Bootstrapper } from '#ports/bootstrapper.ts';
import type { BuildSessions } from '#ports/build-sessions.ts';
import type { Clock } from '#ports/clock.ts';
import type { DiskSpace } from '#ports/disk-space.ts';
import type { LogStore } from '#ports/log-store.ts';
import type { Snapshotter } from '#ports/snapshotter.ts';

/** What the verbs of this room share. */
export interface DiskParts {
  space: DiskSpace;
  blobs: Pick<BlobStore, 'partials'>;
  snapshotter: Pick<Snapshotter, 'listCommitted' | 'usage' | 'settled'>;
  sessions: Pick<BuildSessions, 'kept' | 'removeKept'>;
  /** Of which bases are made. */
  packages: Pick<Bootstrapper, 'kept' | 'removeKept'>;
  /** Contexts that images can be built from again. */
  sources: Pick<RecordedBuilds, 'keptContexts' | 'removeContexts'>;
  logs: Pick<LogStore, 'size'>;
  clock: Clock;
  events: Events;
  images: Pick<Images, 'list' | 'find' | 'index' | 'parts' | 'users' | 'prune'>;
  contents: Pick<
    ImageContents,
    'isHeld' | 'isKept' | 'isWorking' | 'isOpenEnded' | 'whenWorking' | 'removePartial'
  >;
  builds: Pick<Builds, 'cacheEntries' | 'prune'>;
  containers: Pick<Containers, 'list'>;
  volumes: Pick<Volumes, 'list' | 'usage' | 'users'>;
  registry: Pick<Registry, 'collect' | 'repositories' | 'storedBlobs' | 'uploads'>;
  uses: ImageUse;
  settings: DiskSettings;
  keep: KeepSettings;
  /** A line of the daemon's log. */
  tell: (line: string, details: Record<string, unknown>) => void;
  report: (problem: string, error: unknown) => void;
}
