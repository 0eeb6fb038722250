import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fake } from '../../../test/support/container-room.ts';
import { MemoryState } from '../../../test/support/image-room.ts';
import type { CacheEntry } from '#domain/build/cache-prune.ts';
import type { EngineEvent } from '#domain/event/event.ts';
import type { Image } from '#domain/image/image.ts';
import { DiskCollector } from './collector.ts';
import { ImageUse } from './image-use.ts';
import type { DiskParts } from './parts.ts';

const hour = 3_600_000;

function image(name: string, rest: Partial<Image> = {}): Image {
  return {
    ...{ id: `sha256:${name}`, manifestDigest: `sha256:m${name}`, chainId: `sha256:c${name}` },
    config: { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } },
    layers: [{ mediaType: 'layer', digest: `sha256:l${name}`, size: 40 }],
    ...{ size: 40, tags: [`docker.io/library/${name}:1`], repoDigests: [] },
    stored: '2026-01-01T00:00:00Z',
    ...rest,
  };
}

/** A disk of 1,000 bytes with images, of which all is said by the test. */
class World {
  readonly state = new MemoryState();
  readonly told: string[] = [];
  readonly removed: string[] = [];
  images = [image('a'), image('b')];
  cache: CacheEntry[] = [];
  free = 1000;
  /** Of what was removed already, in the background. */
  beingFreed = 0;
  isWorking = false;
  isOpenEnded = false;
  usersOf: Record<string, string> = {};
  now = Date.parse('2026-02-01T00:00:00Z');
  looked = Promise.withResolvers<void>();
  #tellWork: () => void = () => undefined;

  readonly parts: DiskParts = {
    space: {
      measure: () => {
        this.looked.resolve();
        return Promise.resolve({ total: 1000, free: this.free });
      },
    },
    blobs: { partials: () => Promise.resolve([]) },
    sessions: { kept: () => [], removeKept: () => Promise.resolve() },
    snapshotter: fake<DiskParts['snapshotter']>({
      listCommitted: () => Promise.resolve([]),
      settled: () => {
        this.free += this.beingFreed;
        this.beingFreed = 0;
        return Promise.resolve();
      },
    }),
    logs: { size: () => Promise.resolve(0) },
    clock: {
      now: () => this.now,
      timestamp: () => new Date(this.now).toISOString(),
      // By the clock nothing ever happens here.
      sleep: (_ms, signal) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('over')))),
    },
    events: { emit: () => undefined, read: () => this.events() },
    images: this.#room(),
    contents: this.#contents(),
    builds: { cacheEntries: () => this.cache, prune: () => Promise.resolve({ removed: [], reclaimed: 0 }) },
    containers: { list: () => [] },
    volumes: fake<DiskParts['volumes']>({}),
    registry: fake<DiskParts['registry']>({
      collect: () => Promise.resolve({ tags: [], manifests: [], blobs: [], uploads: 0 }),
      uploads: fake<DiskParts['registry']['uploads']>({ list: () => Promise.resolve([]) }),
    }),
    uses: this.use(),
    settings: {
      ...{ period: 600, keepFree: '10%', buildCache: '10%', buildCacheReserved: '1%' },
      ...{ buildCacheDays: 30, untaggedDays: 7, unusedHours: 24 },
    },
    keep: { keepPartial: 24, keepContexts: '1g' },
    packages: { kept: () => Promise.resolve([]), removeKept: () => Promise.resolve() },
    sources: { keptContexts: () => [], removeContexts: () => Promise.resolve() },
    tell: (line) => void this.told.push(line),
    report: (problem, error) => assert.fail(`${problem}: ${String(error)}`),
  };

  use(events: EngineEvent[] = []): ImageUse {
    return new ImageUse({
      ...{ store: this.state, clock: { now: () => this.now }, images: this.#room() },
      events: { read: ({ signal }) => this.events(events, signal) },
      report: () => undefined,
    });
  }

  async *events(all: EngineEvent[] = [], signal?: AbortSignal): AsyncGenerator<EngineEvent> {
    yield* all;
    if (signal?.aborted === false)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }

  work(): void {
    this.isWorking = true;
    this.#tellWork();
  }

  #room(): DiskParts['images'] {
    return {
      list: () => this.images,
      find: (name) => this.images.find(({ tags }) => tags.includes(`docker.io/library/${name}`)),
      index: () => undefined,
      parts: () => new Set(),
      users: (id) => (this.usersOf[id] === undefined ? [] : [{ holder: this.usersOf[id] }]),
      prune: ({ accepts }) => {
        const gone = this.images.filter((one) => accepts(one));
        this.images = this.images.filter((one) => !accepts(one));
        this.removed.push(...gone.flatMap(({ tags }) => tags));
        if (!this.isOpenEnded) this.free += 40 * gone.length;
        return Promise.resolve({ removed: [], bytes: 0 });
      },
    };
  }

  #contents(): DiskParts['contents'] {
    const world = (): World => this;
    return {
      isHeld: () => false,
      isKept: () => false,
      get isWorking() {
        return world().isWorking;
      },
      get isOpenEnded() {
        return world().isOpenEnded;
      },
      whenWorking: (listener) => {
        this.#tellWork = listener;
      },
      removePartial: () => Promise.resolve(0),
    };
  }
}

test('when work begins and too little is free, what nobody uses goes at once, and no more than it takes', async () => {
  const world = new World();
  const collector = new DiskCollector(world.parts);
  collector.start();
  world.free = 70;
  world.work();
  await world.looked.promise;
  await collector.close();
  assert.deepEqual(world.removed, ['docker.io/library/a:1']);
  assert.match(world.told.join(), /removed 1 things/);
});

test('a dry run removes nothing, and the run that follows removes what it said', async () => {
  const world = new World();
  const collector = new DiskCollector(world.parts);
  const planned = await collector.plan('unused');
  assert.deepEqual(world.removed, []);
  assert.deepEqual((await collector.collect('unused')).items, planned.items);
  assert.equal(world.removed.length, 2);
});

test('blobs that stay until a load has ended are not removed over and over by taking further images', async () => {
  const world = new World();
  world.isOpenEnded = true;
  world.free = 70;
  const collector = new DiskCollector(world.parts);
  await collector.collect('rules');
  await collector.collect('rules');
  assert.deepEqual(world.removed, ['docker.io/library/a:1']);
});

test('nothing more goes when room is coming free anyway', async () => {
  const world = new World();
  [world.free, world.beingFreed] = [70, 40];
  await new DiskCollector(world.parts).collect('rules');
  assert.deepEqual(world.removed, []);
});

test('two that are asked for at once go one after the other', async () => {
  const world = new World();
  const collector = new DiskCollector(world.parts);
  const [first, second] = await Promise.all([collector.collect('unused'), collector.collect('unused')]);
  assert.deepEqual([first.items.length, second.items.length], [2, 0]);
});

test('an image counts as used when a container of it was made or removed, also after a restart', async () => {
  const world = new World();
  const made: EngineEvent = {
    ...{ type: 'container', action: 'create', id: 'c', timeNano: '1' },
    attributes: { image: 'a:1' },
  };
  const stop = new AbortController();
  const use = world.use([made]);
  const following = use.follow(stop.signal);
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await following;
  const [a = image('a'), b = image('b')] = world.images;
  assert.equal(use.of(a), world.now);
  assert.equal(use.of(b), Date.parse(b.stored));
  world.now += hour;
  assert.equal(world.use().of(a), world.now - hour);
});

test('an image that somebody needs, or another was built upon, is used now; of one that is gone nothing is kept', () => {
  const world = new World();
  world.usersOf = { 'sha256:a': 'revision 1 of the app shop' };
  world.images.push(image('child', { parent: 'sha256:b' }));
  const use = world.use();
  use.look();
  const [a = image('a'), b = image('b'), child = image('child')] = world.images;
  assert.deepEqual([use.of(a), use.of(b)], [world.now, world.now]);
  assert.notEqual(use.of(child), world.now);
  world.images = [];
  use.look();
  assert.deepEqual(world.state.collection('image-use').entries(), []);
});
