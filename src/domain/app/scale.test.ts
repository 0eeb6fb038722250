import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canaryTarget } from './canary.ts';
import type { AppModel, Service } from './model.ts';
import { pinned } from './pinned.ts';
import { inForce, keptScale, withScale } from './scale.ts';
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
