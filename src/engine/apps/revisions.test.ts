import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts';
import { appTarget, type AppTarget } from '#domain/app/target.ts';
import { Revisions, type Revision } from './revisions.ts';

const none = { services: {}, networks: {}, volumes: {}, secrets: {}, configs: {} };

function targetOf(imageId: string): AppTarget {
  const service = {
    name: 'web',
    image: 'web:1',
    replicas: 1,
    dependsOn: [],
    networks: [],
    ports: [],
    mounts: [],
  };
  const web = {
    ...service,
    pullPolicy: 'missing' as const,
    secrets: [],
    configs: [],
    container: {},
    host: {},
  };
  const target = appTarget({ ...none, name: 'shop', services: { web } }, {});
  return { ...target, services: target.services.map((one) => ({ ...one, imageId })) };
}

function revision(number: number, more: Partial<Revision> = {}): Revision {
  const about = { created: '', by: 'someone', reason: 'up', changes: [], folder: '', files: [], sources: '' };
  return { app: 'shop', number, ...about, target: targetOf(`image-${number}`), ...more };
}

const numbers = (revisions: Revisions): number[] => revisions.list('shop').map((one) => one.number);

test('failures push out no revision that was well, hold no image, and are bounded too; a restart changes nothing', () => {
  const store = new SqliteStateStore(':memory:');
  const revisions = new Revisions(store);
  revisions.add(revision(1), 2);
  for (const number of [2, 3, 4]) revisions.add(revision(number, { failure: 'no' }), 2);
  assert.deepEqual(numbers(revisions), [1, 3, 4]);
  assert.equal(revisions.next('shop', 1), 5);
  revisions.add(revision(5), 2);
  revisions.add(revision(6), 2);
  assert.deepEqual(numbers(revisions), [3, 4, 5, 6]);
  assert.deepEqual(revisions.needing('image-4'), []);
  assert.deepEqual(
    revisions.needing('image-5').map((one) => one.number),
    [5],
  );
  assert.deepEqual(numbers(new Revisions(store)), [3, 4, 5, 6]);
});

test('what was unwell first is well once it has settled, and nothing stands half-way then', () => {
  const revisions = new Revisions(new SqliteStateStore(':memory:'));
  revisions.add(revision(1, { failure: 'not yet' }), 5);
  revisions.add(revision(2, { failure: 'no', paused: true }), 5);
  revisions.settle('shop', 1);
  assert.equal(revisions.get('shop', 1).failure, undefined);
  const { failure, paused } = revisions.get('shop', 2);
  assert.deepEqual([failure, paused], ['no', undefined]);
});
