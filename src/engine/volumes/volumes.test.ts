import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemClock } from '#adapters/clock/system-clock.ts';
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts';
import { Events } from '#engine/events/events.ts';
import { Volumes } from '#engine/volumes/volumes.ts';
import type { VolumeStorage } from '#ports/volume-storage.ts';

class MemoryStorage implements VolumeStorage {
  readonly folders = new Map<string, string>();
  path = (name: string): string => `/volumes/${name}/_data`;
  create = (name: string): Promise<void> =>
    Promise.resolve(void this.folders.set(name, this.folders.get(name) ?? ''));
  remove = (name: string): Promise<void> => Promise.resolve(void this.folders.delete(name));
  mount = (name: string, { device }: { device: string }): Promise<void> =>
    Promise.resolve(void this.folders.set(name, device));
  usage = (): Promise<number> => Promise.resolve(10);
  repair = (): Promise<void> => Promise.resolve();
}

function make(store = new SqliteStateStore(':memory:')): { volumes: Volumes; storage: MemoryStorage } {
  const clock = new SystemClock();
  const storage = new MemoryStorage();
  return { volumes: new Volumes({ store, storage, clock, events: new Events({ clock }) }), storage };
}

test('creating a volume that exists gives the existing one, also for racing creations', async () => {
  const { volumes } = make();
  const [a, b] = await Promise.all([
    volumes.create({ name: 'data', labels: { a: '1' } }),
    volumes.create({ name: 'data', labels: { a: '2' } }),
  ]);
  assert.deepEqual(a, b);
  assert.deepEqual(
    volumes.list().map(({ name }) => name),
    ['data'],
  );
});

test('a volume is there after a restart', async () => {
  const store = new SqliteStateStore(':memory:');
  await make(store).volumes.create({ name: 'kept' });
  assert.equal(make(store).volumes.get('kept').mountpoint, '/volumes/kept/_data');
});

test('a volume in use is neither removed nor pruned, and the message names the containers', async () => {
  const { volumes, storage } = make();
  await volumes.create({ name: 'used' });
  await volumes.create({ name: 'idle' });
  volumes.usedBy((name) => (name === 'used' ? ['c0ffee'] : []));
  await assert.rejects(volumes.remove('used', true), /remove used: volume is in use - \[c0ffee\]/);
  assert.deepEqual(await volumes.prune(volumes.list()), { removed: ['idle'], bytes: 10 });
  assert.deepEqual([...storage.folders.keys()], ['used']);
});

test('options are mounted when the volume is used', async () => {
  const { volumes, storage } = make();
  await volumes.create({ name: 'fast', options: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' } });
  assert.equal(storage.folders.get('fast'), '');
  assert.equal(await volumes.use('fast'), '/volumes/fast/_data');
  assert.equal(storage.folders.get('fast'), 'tmpfs');
});

test('removing what is not there fails unless forced', async () => {
  const { volumes } = make();
  await assert.rejects(volumes.remove('none', false), /get none: no such volume/);
  await volumes.remove('none', true);
});
