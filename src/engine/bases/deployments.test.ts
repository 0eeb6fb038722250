import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conflict } from '#base/errors.ts';
import type { Apps } from '#engine/apps/apps.ts';
import type { Image } from '#domain/image/image.ts';
import { MemoryState, steppingClock } from '../../../test/support/image-room.ts';
import { Deployments } from './deployments.ts';

const emptyApps: (prototype: null) => Apps = Object.create;
const emptyImage: (prototype: null) => Image = Object.create;

/** An app `shop` with the services web and worker, which have the image `shop:1`, and db, which has `db:1`. */
class World {
  images: Record<string, string> = { 'shop:1': 'new', 'db:1': 'new-db' };
  /** Services of which the compose file says that they are not to be refreshed. */
  left: string[] = [];
  failure: Error | undefined;
  updated: string[] = [];
  readonly deployments: Deployments;

  constructor() {
    const service = (name: string, image: string) => ({ name, image, imageId: 'old' });
    this.deployments = new Deployments({
      apps: Object.assign(emptyApps(null), {
        names: () => ['shop'],
        record: () => ({
          ...{ folder: '/srv/shop', files: [] },
          target: {
            model: { services: Object.fromEntries(this.left.map((name) => [name, { refresh: false }])) },
            services: [service('web', 'shop:1'), service('worker', 'shop:1'), service('db', 'db:1')],
          },
        }),
        converge: (_verb: string, target: { services: { name: string; imageId?: string }[] }) => {
          if (this.failure !== undefined) return Promise.reject(this.failure);
          this.updated = target.services
            .filter(({ imageId }) => imageId === undefined)
            .map(({ name }) => name);
          return Promise.resolve();
        },
      }),
      images: {
        find: (name) => Object.assign(emptyImage(null), { id: `sha256:${this.images[name] ?? ''}` }),
      },
      store: new MemoryState(),
      clock: steppingClock(),
    });
  }

  due(name: string): string[] {
    const facts = { outdated: new Set<string>(), current: new Set<string>() };
    const nothing = { ...facts, leftAlone: () => undefined, tried: () => undefined };
    return this.deployments
      .due(new Set([name]), { images: [], unknown: [], facts: nothing })
      .flatMap(({ services }) => services);
  }

  update(...services: string[]): Promise<void> {
    const { signal } = new AbortController();
    return this.deployments.carryOut({ app: 'shop', services }, 'berth', () => undefined, signal);
  }
}

const shop = 'docker.io/library/shop:1';

test('services get the image that was refreshed, but for those that are to be left alone', async () => {
  const world = new World();
  assert.deepEqual(world.due(shop), ['web', 'worker']);
  world.left = ['worker'];
  assert.deepEqual(world.due(shop), ['web']);
  await world.update('web');
  assert.deepEqual(world.updated, ['web']);
});

test('an image that only services have that are to be left alone is left alone itself', () => {
  const world = new World();
  world.left = ['worker'];
  assert.equal(world.deployments.leftAlone(shop), undefined);
  world.left = ['worker', 'web'];
  assert.equal(
    world.deployments.leftAlone(shop),
    'shop/web, shop/worker is not to be refreshed (x-berth.refresh: false)',
  );
  assert.equal(world.deployments.leftAlone('docker.io/library/other:1'), undefined);
});

test('an update that failed is known as long as the images are the same', async () => {
  const world = new World();
  const deployment = { app: 'shop', services: ['web'] };
  assert.equal(world.deployments.failedBefore(deployment), undefined);
  world.failure = conflict('app-unhealthy', 'web never became healthy');
  await assert.rejects(world.update('web'), { code: 'app-unhealthy' });
  assert.match(
    world.deployments.failedBefore(deployment) ?? '',
    /^the same update failed at 2026-\S+Z: web never became healthy$/,
  );
  assert.equal(world.deployments.failedBefore({ app: 'shop', services: ['web', 'db'] }), undefined);
  world.images['shop:1'] = 'newer';
  assert.equal(world.deployments.failedBefore(deployment), undefined);
  world.images['shop:1'] = 'new';
  world.failure = undefined;
  await world.update('web');
  assert.equal(world.deployments.failedBefore(deployment), undefined);
});

test('an app of which a canary is being tried is no failed update', async () => {
  const world = new World();
  world.failure = conflict('app-canary', 'a part of the next revision is being tried');
  await assert.rejects(world.update('web'), { code: 'app-canary' });
  assert.equal(world.deployments.failedBefore({ app: 'shop', services: ['web'] }), undefined);
});
