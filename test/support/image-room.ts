import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskBlobStore } from '#adapters/blobs/disk-blob-store.ts';
import { ProgramDecompressor } from '#adapters/decompressor/program-decompressor.ts';
import { HttpDownloads } from '#adapters/downloads/http-downloads.ts';
import { OverlaySnapshotter } from '#adapters/overlay/overlay-snapshotter.ts';
import { diskFull } from '#base/disk-full.ts';
import { unsupported } from '#base/errors.ts';
import type { Events } from '#engine/contracts.ts';
import type { BaseImages } from '#engine/images/base-images.ts';
import { Images } from '#engine/images/images.ts';
import type { TransferRules } from '#engine/images/transfer-rules.ts';
import type { Clock } from '#ports/clock.ts';
import type { RegistryClient } from '#ports/registry-client.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

// The room images on real blobs and snapshots, with everything else in memory.

/** Documents in memory; handed to a second room, they are what a restart finds. */
export class MemoryState implements StateStore {
  readonly #collections = new Map<string, Map<string, string>>();
  /** Nothing can be put. */
  isFull = false;

  collection<T extends object>(name: string): Collection<T> {
    const documents = this.#collections.get(name) ?? new Map<string, string>();
    this.#collections.set(name, documents);
    const parse: (text: string) => T = JSON.parse;
    return {
      get: (key) => {
        const text = documents.get(key);
        return text === undefined ? undefined : parse(text);
      },
      put: (key, value) => {
        if (this.isFull) throw diskFull('saving the state', undefined);
        documents.set(key, JSON.stringify(value));
      },
      note: (key, value) => void documents.set(key, JSON.stringify(value)),
      delete: (key) => void documents.delete(key),
      drop: (keys) => keys.forEach((key) => documents.delete(key)),
      entries: () => [...documents].sort().map(([key, text]) => [key, parse(text)]),
    };
  }

  transaction<T>(work: () => T): T {
    return work();
  }

  scrub(): void {
    // Nothing is left of what goes.
  }

  close(): void {
    this.#collections.clear();
  }
}

/** Starts at 2026-01-01 and moves on by a second with each timestamp. */
export function steppingClock(): Clock {
  let now = Date.UTC(2026, 0, 1);
  return {
    now: () => now,
    timestamp: () => new Date((now += 1000)).toISOString(),
    sleep: () => Promise.resolve(),
  };
}

const refuse = (): Promise<never> => Promise.reject(unsupported('test-offline', 'this test has no registry'));

export const noRegistry: RegistryClient = {
  manifest: refuse,
  manifestDigest: refuse,
  referrers: refuse,
  blob: refuse,
  hasBlob: refuse,
  pushBlob: refuse,
  mountBlob: refuse,
  pushManifest: refuse,
  login: refuse,
  tags: refuse,
  search: refuse,
};

const transferRules: TransferRules = {
  downloads: 3,
  uploads: 5,
  keepPartial: 3_600_000,
  pushReferrers: true,
  compression: { kind: 'gzip', level: 0 },
  limits: { maxSize: 1024 ** 4, maxRatio: 1000 },
};

export interface ImageRoom extends AsyncDisposable {
  root: string;
  images: Images;
  blobs: DiskBlobStore;
  snapshots: OverlaySnapshotter;
  state: MemoryState;
  /** What was emitted, as `image pull NAME`. */
  events: string[];
  /** A second room on the same store, as after a kill of the daemon. */
  restart(): Promise<Images>;
}

export interface RoomOptions {
  registry?: RegistryClient;
  bases?: BaseImages;
  rules?: Partial<TransferRules>;
  /** Absent: a new folder. It is removed at the end. */
  root?: string;
  /** What the machine's start is told from others by. */
  boot?: string;
  state?: MemoryState;
}

export async function imageRoom(options: RoomOptions = {}): Promise<ImageRoom> {
  const root = options.root ?? (await mkdtemp(join(tmpdir(), 'berth-images-')));
  const blobs = await DiskBlobStore.open(root);
  const snapshots = await OverlaySnapshotter.open(root, undefined, options.boot);
  const state = options.state ?? new MemoryState();
  const seen: string[] = [];
  const events: Events = {
    emit: (type, action, id) => void seen.push(`${type} ${action} ${id}`),
    read: () => {
      throw new Error('not read here');
    },
  };
  const make = (): Images =>
    new Images({
      blobs,
      snapshots,
      registry: options.registry ?? noRegistry,
      downloads: new HttpDownloads(),
      decompressor: new ProgramDecompressor(),
      bases: options.bases ?? {
        make: refuse,
        made: () => Promise.resolve(),
        companions: () => Promise.resolve([]),
      },
      state,
      clock: steppingClock(),
      events,
      platform: { os: 'linux', architecture: 'amd64' },
      rules: { ...transferRules, ...options.rules },
    });
  return {
    root,
    images: make(),
    blobs,
    snapshots,
    state,
    events: seen,
    restart: async () => {
      const images = make();
      await images.start();
      return images;
    },
    [Symbol.asyncDispose]: async () => {
      for (const key of await snapshots.listActive()) await snapshots.remove(key);
      await snapshots.close();
      await rm(root, { recursive: true });
      assert.ok(!(await readFile('/proc/self/mountinfo', 'utf8')).includes(root), 'mounts are left');
    },
  };
}
