import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { SystemClock } from '#adapters/clock/system-clock.ts';
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts';
import { FolderVolumeStorage } from '#adapters/volumes/folder-volume-storage.ts';
import type { Hijack } from '#api/docker/hijack.ts';
import { eventRoutes } from '#api/docker/events.ts';
import { volumeRoutes } from '#api/docker/volumes.ts';
import { instanceOf } from '#domain/instance.ts';
import type { Settings } from '#domain/settings/settings.ts';
import { Events } from '#engine/events/events.ts';
import { Volumes } from '#engine/volumes/volumes.ts';

export interface Wired {
  routes: (app: FastifyInstance, hijack: Hijack) => void;
  /** Lets go of everything; containers go on. */
  close(): Promise<void>;
}

/** Constructs adapters and engine, starts them in order of need, and gives the routes. */
export async function wire(settings: Settings, log: Logger): Promise<Wired> {
  const instance = instanceOf(settings.root, settings.run);
  await mkdir(instance.root, { recursive: true, mode: 0o711 });
  await mkdir(instance.run, { recursive: true, mode: 0o711 });
  const clock = new SystemClock();
  const store = new SqliteStateStore(join(instance.root, 'state.db'));
  const storage = new FolderVolumeStorage(join(instance.root, 'volumes'));
  const events = new Events({ clock });
  const volumes = new Volumes({ store, storage, clock, events });
  await volumes.start();
  return {
    routes: (app) => {
      eventRoutes(app, { events });
      volumeRoutes(app, { volumes });
    },
    close: () => {
      store.close();
      return Promise.resolve();
    },
  };
}
