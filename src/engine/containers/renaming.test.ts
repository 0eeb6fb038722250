import { it } from 'node:test';
import assert from 'node:assert/strict';
import type { Collection } from '#ports/state-store.ts';
import { World } from '../../../test/support/container-room.ts';
import { MemoryState } from '../../../test/support/image-room.ts';

class Disk extends MemoryState {
  full = false;

  override collection<T extends object>(name: string): Collection<T> {
    const collection = super.collection<T>(name);
    return {
      ...collection,
      put: (key, value) => {
        if (this.full) throw new Error('disk full');
        collection.put(key, value);
      },
    };
  }
}

class DiskWorld extends World {
  override readonly state = new Disk();
}

it('a name that cannot be recorded is free again, and the old one still taken', async () => {
  const world = new DiskWorld();
  const room = await world.room();
  const create = (name: string) =>
    room.create({ name, config: { Image: 'x' }, hostConfig: { NetworkMode: 'none' }, endpoints: {} });
  await create('old');
  world.state.full = true;
  await assert.rejects(room.rename('old', 'new'), /disk full/);
  world.state.full = false;
  assert.ok(await create('new'));
  await assert.rejects(create('old'), { code: 'container-name-taken' });
});
