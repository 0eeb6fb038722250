import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canaryTarget } from './canary.ts';
import type { AppModel, Service } from './model.ts';
import { pinned } from './pinned.ts';
import { autoscaling, boundNotes, inForce, keptScale, withScale } from './scale.ts';
import type { Schedule } from './schedule.ts';
import { appTarget, type AppTarget } from './target.ts';

function model(image: string, given: Partial<Service> = {}): AppModel {
  const web: Service = {
    name: 'web',
    image,
    pullPolicy: 'missing',
    replicas: 2,
    dependsOn: [],
    networks: [],
    ports: [],
    mounts: [],
    secrets: [],
    configs: [],
    container: {},
    host: {},
    ...given,
  };
  return { name: 'shop', services: { web }, networks: {}, volumes: {}, secrets: {}, configs: {} };
}

const nightly: Schedule = {
  cron: '0 3 * * *',
  timezone: 'UTC',
  concurrency: 'forbid',
  retries: 0,
  backoff: 10,
  history: { succeeded: 3, failed: 1 },
  missed: 'skip',
};

const target = (...given: Parameters<typeof model>): AppTarget =>
  pinned(appTarget(model(...given), {}), (image) => `id of ${image}`);
const namesOf = (one: AppTarget): (string | undefined)[] =>
  (one.services[0]?.replicas ?? []).map((replica) =>
    `${replica.name} ${replica.canary?.imageId ?? ''}`.trim(),
  );

test('a scale holds until the file says another number, and says so', () => {
  const scale = withScale({}, model('a'), { web: 5 }, 'ann');
  assert.deepEqual(scale, { web: { replicas: 5, inFile: 2, by: 'ann' } });
  assert.equal(inForce(target('a'), scale).services[0]?.replicas.length, 5);
  const same = keptScale(scale, model('b'));
  assert.deepEqual(same.scale, scale);
  assert.match(same.notes[0] ?? '', /web stays at 5 replicas.*the file says 2/);
  const other = keptScale(scale, model('a', { replicas: 3 }));
  assert.deepEqual(other.scale, {});
  assert.match(other.notes[0] ?? '', /the 3 replicas that the file says now, no longer the 5/);
  assert.throws(() => withScale({}, model('a'), { db: 1 }, 'ann'), { code: 'app-service-missing' });
  const scheduled = model('a', { schedule: nightly });
  assert.throws(() => withScale({}, scheduled, { web: 5 }, 'ann'), { code: 'app-scale-scheduled' });
  assert.throws(() => inForce(target('a', { containerName: 'one', replicas: 1 }), scale), {
    code: 'app-scale-named',
  });
});

test('a canary stands beside all replicas, rounded up and at least one', () => {
  assert.deepEqual(namesOf(canaryTarget(target('a'), target('b'), 0.2)), [
    'shop-web-1',
    'shop-web-2',
    'shop-web-3 id of b',
  ]);
  const ten = canaryTarget(target('a', { replicas: 10 }), target('b', { replicas: 10 }), 0.15);
  assert.equal(ten.services[0]?.replicas.length, 12);
  assert.throws(() => canaryTarget(target('a'), target('a'), 0.2), { code: 'app-canary-same' });
  const order = { order: 'stop-first' as const };
  assert.throws(() => canaryTarget(target('a'), target('b', { update: order }), 0.2), {
    code: 'app-canary-impossible',
  });
});

const rules = { window: 0, policies: [] };
const autoscale = { min: 2, max: 4, tolerance: 0.1, up: rules, down: rules, schedule: [] };

test('an autoscaled service keeps to its bounds, whoever sets its number', () => {
  const counted = (replicas: number): number =>
    inForce(target('a', { autoscale }), withScale({}, model('a'), { web: replicas }, 'ann')).services[0]
      ?.replicas.length ?? 0;
  assert.deepEqual([0, 3, 9].map(counted), [2, 3, 4]);
  assert.equal(inForce(target('a', { autoscale, replicas: 1 }), {}).services[0]?.replicas.length, 2);
  assert.deepEqual(boundNotes(model('a', { autoscale }), { web: 9 }), [
    'web is autoscaled between 2 and 4: it goes on from 4 instead of 9',
  ]);
});

test('what autoscaling decided outlives other numbers in the file, but not autoscaling itself', () => {
  const scale = { web: { replicas: 3, inFile: 2, by: autoscaling } };
  const other = keptScale(scale, model('a', { autoscale, replicas: 4 }));
  assert.deepEqual(other, { scale: { web: { replicas: 3, inFile: 4, by: autoscaling } }, notes: [] });
  assert.deepEqual(keptScale(scale, model('a')), {
    scale: {},
    notes: ['web gets the 2 replicas that the file says: it is not autoscaled any more'],
  });
});
