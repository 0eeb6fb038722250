import { conflict, notFound, within } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import { KeyedMutex } from '#base/mutex.ts';
import { checkVolumeDriver, checkVolumeName, wantedMount } from '#domain/volume/new-volume.ts';
import type { Volume } from '#domain/volume/volume.ts';
import type * as contracts from '#engine/contracts.ts';
import type { Clock } from '#ports/clock.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import type { VolumeStorage } from '#ports/volume-storage.ts';

/** By which a prune finds volumes that nobody named. */
const anonymousLabel = 'com.docker.volume.anonymous';

export interface VolumesOptions {
  store: Pick<StateStore, 'collection'>;
  storage: VolumeStorage;
  clock: Pick<Clock, 'timestamp'>;
  events: Pick<contracts.Events, 'emit'>;
}

/**
 * Named folders that outlive containers. The documents are in memory and written through; a folder is
 * made before its document and goes after it, so a document always has its data.
 */
export class Volumes implements contracts.Volumes {
  readonly #options: VolumesOptions;
  readonly #documents: Collection<Volume>;
  readonly #volumes: Map<string, Volume>;
  readonly #locks = new KeyedMutex();
  readonly #sources: ((volume: string) => string[])[] = [];

  constructor(options: VolumesOptions) {
    this.#options = options;
    this.#documents = options.store.collection('volumes');
    this.#volumes = new Map(this.#documents.entries());
  }

  /** Finishes what a crash interrupted. To be called once, before any verb. */
  async start(): Promise<void> {
    await this.#options.storage.repair();
  }

  get(name: string): Volume {
    const volume = this.#volumes.get(name);
    if (volume === undefined) throw notFound('volume-missing', `get ${name}: no such volume`);
    return volume;
  }

  find(name: string): Volume | undefined {
    return this.#volumes.get(name);
  }

  list(): Volume[] {
    return [...this.#volumes.values()];
  }

  create(request: contracts.NewVolume): Promise<Volume> {
    const name = request.name === undefined || request.name === '' ? newId() : request.name;
    return this.#locks.run(name, async () => {
      checkRequest(name, request);
      return this.#volumes.get(name) ?? (await this.#create(name, request));
    });
  }

  remove(name: string, force: boolean): Promise<void> {
    return this.#locks.run(name, async () => {
      if (force && !this.#volumes.has(name)) return;
      this.get(name);
      const users = this.users(name);
      if (users.length > 0)
        throw conflict('volume-in-use', `remove ${name}: volume is in use - [${users.join(', ')}]`, {
          hint: 'remove these containers first',
        });
      this.#documents.delete(name);
      this.#volumes.delete(name);
      await this.#options.storage.remove(name);
      this.#options.events.emit('volume', 'destroy', name, { driver: 'local' });
    });
  }

  /** Removes the unused volumes among `candidates`. Gives their names and the bytes that this freed. */
  async prune(candidates: Volume[]): Promise<{ removed: string[]; bytes: number }> {
    const removed: string[] = [];
    let bytes = 0;
    for (const { name } of candidates) {
      if (this.users(name).length > 0) continue;
      const size = await this.usage(name);
      await this.remove(name, true);
      removed.push(name);
      bytes += size;
    }
    this.#options.events.emit('volume', 'prune', '', { reclaimed: String(bytes) });
    return { removed, bytes };
  }

  use(name: string): Promise<string> {
    return this.#locks.run(name, async () => {
      const volume = this.get(name);
      const mount = wantedMount(volume.options);
      await this.#options.storage.create(name);
      if (mount !== undefined) await this.#options.storage.mount(name, mount);
      return volume.mountpoint;
    });
  }

  users(name: string): string[] {
    return this.#sources.flatMap((source) => source(name));
  }

  usage(name: string): Promise<number> {
    return this.#options.storage.usage(name);
  }

  usedBy(source: (volume: string) => string[]): void {
    this.#sources.push(source);
  }

  async #create(name: string, request: contracts.NewVolume): Promise<Volume> {
    const { storage, clock, events } = this.#options;
    const volume: Volume = {
      name,
      driver: 'local',
      created: clock.timestamp(),
      mountpoint: storage.path(name),
      labels: { ...request.labels, ...(request.anonymous === true && { [anonymousLabel]: '' }) },
      options: { ...request.options },
      anonymous: request.anonymous ?? false,
      ...(request.app !== undefined && { app: request.app }),
    };
    try {
      await storage.create(name);
      this.#documents.put(name, volume);
    } catch (error) {
      // A full disk, for one: nothing half-made stays.
      await storage.remove(name);
      throw error;
    }
    this.#volumes.set(name, volume);
    events.emit('volume', 'create', name, { driver: 'local' });
    return volume;
  }
}

/** @throws as checkVolumeName, checkVolumeDriver and wantedMount, with Docker's words before theirs */
function checkRequest(name: string, { driver = '', options = {} }: contracts.NewVolume): void {
  checkVolumeName(name);
  try {
    checkVolumeDriver(driver);
    wantedMount(options);
  } catch (error) {
    throw within(`create ${name}`, error);
  }
}
