import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notFound } from '#base/errors.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import type { ImageUser } from '#engine/contracts.ts';
import type { BuildRecord } from './build-record.ts';
import type { OutdatedReport } from './outdated.ts';
import { Refreshing, type RefreshEvent, type RefreshingOptions } from './refreshing.ts';

const create: (
  prototype: null,
) => RefreshingOptions['builds'] &
  RefreshingOptions['inventories'] &
  RefreshingOptions['outdated'] &
  RefreshingOptions['deployments'] = Object.create;

const image = (id: Digest): Image => ({
  ...{ id, manifestDigest: id, chainId: id, layers: [], tags: [], repoDigests: [], size: 0, stored: '' },
  config: { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } },
});
const name = 'docker.io/library/app:1';
const [former, made]: [Digest, Digest] = ['sha256:a', 'sha256:b'];
const newer = { name: 'libdemo', installed: '1', candidate: '2', security: false };
const libdemo = { name: 'libdemo', version: '1', architecture: 'amd64', source: 'libdemo', license: '' };

/** One image that is outdated and was built here; a build of it brings the packages that it had. */
class World {
  readonly there = new Map<string, Image>([[former, image(former)]]);
  readonly names = new Map<string, string>([[name, former]]);
  readonly tried: { name: string; imageId: string }[] = [];
  readonly restored: BuildRecord[] = [];
  /** What others do while it is built. */
  meanwhile: () => void = () => undefined;
  #users: (id: string) => ImageUser[] = () => [];
  readonly #record: BuildRecord = {
    ...{ context: { folder: '/srv' }, tags: [name], imageId: former, sources: [], lacks: [] },
    ...{ buildArgs: {}, labels: {} },
  };

  async refresh(): Promise<RefreshEvent[]> {
    const events: RefreshEvent[] = [];
    const request = { dryRun: false, deploy: false, again: false, by: 'test' };
    await this.#refreshing().run(request, (event) => events.push(event), new AbortController().signal);
    return events;
  }

  isUsed(id: string): boolean {
    return this.#users(id).length > 0;
  }

  /** As `docker image prune`. */
  prune(): void {
    for (const id of this.there.keys())
      if (![...this.names.values()].includes(id) && !this.isUsed(id)) this.there.delete(id);
  }

  #refreshing(): Refreshing {
    return new Refreshing({
      images: this.#images(),
      bases: { forgetPlans: () => undefined },
      builds: Object.assign(create(null), {
        settled: () => Promise.resolve(),
        recordOf: (_tag: string, id: string) => (id === former ? this.#record : undefined),
        repeat: () => this.#build(),
        restore: (record: BuildRecord) => this.restored.push(record),
      }),
      inventories: Object.assign(create(null), { of: () => Promise.resolve({ packages: [libdemo] }) }),
      outdated: Object.assign(create(null), { report: () => Promise.resolve(this.#report()) }),
      deployments: Object.assign(create(null), { due: () => [] }),
      tried: { note: (tag, imageId) => this.tried.push({ name: tag, imageId }) },
      clock: { timestamp: () => '2026-01-01T00:00:00Z' },
      events: { emit: () => undefined },
    });
  }

  #build(): Promise<Image> {
    this.there.set(made, image(made));
    this.names.set(name, made);
    this.meanwhile();
    return Promise.resolve(image(made));
  }

  #images(): RefreshingOptions['images'] {
    const find = (wanted: string): Image | undefined => this.there.get(this.names.get(wanted) ?? wanted);
    return {
      find,
      get: (wanted) => find(wanted) ?? assert.fail(`no image ${wanted}`),
      list: () =>
        [...this.there.values()].map((one) => ({
          ...one,
          tags: [...this.names].flatMap(([tag, id]) => (id === one.id ? [tag] : [])),
        })),
      pull: () => assert.fail('nothing is pulled'),
      tag: (id, tag) => {
        if (!this.there.has(id)) return Promise.reject(notFound('image-missing', `No such image: ${id}`));
        this.names.set(tag, id);
        return Promise.resolve();
      },
      usedBy: (source) => {
        this.#users = source;
      },
    };
  }

  #report(): OutdatedReport {
    const found = {
      ...{ image: image(former), names: [name], base: '', suite: 'bookworm', packages: [newer], from: [] },
      ...{ newer: [], pinned: [], since: '', running: [] },
    };
    return {
      images: [found],
      unknown: [],
      facts: {
        ...{ outdated: new Set([former]), current: new Set() },
        ...{ leftAlone: () => undefined, tried: () => undefined },
      },
    };
  }
}

const stateOf = (events: RefreshEvent[]): unknown =>
  events.flatMap((event) => (event.type === 'step' && event.state !== 'started' ? [event.state] : [])).join();

test('a rebuild that brings nothing gives the names back, although images are pruned meanwhile', async () => {
  const world = new World();
  world.meanwhile = () => world.prune();
  assert.equal(stateOf(await world.refresh()), 'unchanged');
  assert.deepEqual([world.names.get(name), world.restored.length], [former, 1]);
  assert.deepEqual(world.tried, [{ name, imageId: former }]);
  assert.ok(!world.isUsed(former), 'the refresh has ended');
});

test('an image that was removed by force while it was rebuilt is gone: its names stay with the new one', async () => {
  const world = new World();
  world.meanwhile = () => world.there.delete(former);
  const events = await world.refresh();
  assert.equal(stateOf(events), 'done');
  assert.deepEqual(events.at(-1), { type: 'result', refreshed: [name], failed: [], waiting: [] });
  assert.deepEqual([world.names.get(name), world.restored.length], [made, 0]);
  assert.deepEqual(world.tried, [{ name, imageId: made }], 'the same is not tried again');
});
