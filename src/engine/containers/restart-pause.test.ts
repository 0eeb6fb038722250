import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { test } from 'node:test';
import { delayAnnotationOf } from '#domain/container/restart.ts';
import { World } from '../../../test/support/container-room.ts';

test('a container is restarted after the pause that it asks for, each time', async () => {
  const world = new World();
  const room = await world.room();
  const { id } = await room.create({
    name: 'web',
    config: { Image: 'x' },
    hostConfig: {
      NetworkMode: 'none',
      RestartPolicy: { Name: 'always' },
      Annotations: delayAnnotationOf(3),
    },
    endpoints: {},
  });
  await room.start('web');
  for (let count = 1; count <= 2; count += 1) {
    world.end(id, 1);
    await setImmediate();
    world.wake(3000);
    await setImmediate();
    assert.equal(room.get('web').state.restartCount, count);
  }
});
