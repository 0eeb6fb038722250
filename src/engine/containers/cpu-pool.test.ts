import assert from 'node:assert/strict';
import { test } from 'node:test';
import { annotationsOf } from '#domain/container/own-cpus.ts';
import type { CpuWish } from '#domain/capacity/cpus.ts';
import { World } from '../../../test/support/container-room.ts';
import type { Containers } from './containers.ts';

/** A machine of two memory nodes with four processors each. */
function machine(): World {
  const world = new World();
  world.facts = {
    ...world.facts,
    controllers: ['cpuset'],
    cpus: { count: 8, online: '0-7', nodes: '0-1' },
    topology: [
      { id: 0, cpus: [0, 1, 2, 3], memory: 0 },
      { id: 1, cpus: [4, 5, 6, 7], memory: 0 },
    ],
  };
  return world;
}

async function run(room: Containers, name: string, wish?: CpuWish): Promise<string> {
  const { id } = await room.create({
    name,
    config: { Image: 'x' },
    hostConfig: { NetworkMode: 'none', ...(wish === undefined ? {} : { Annotations: annotationsOf(wish) }) },
    endpoints: {},
  });
  await room.start(id);
  return id;
}

test('who asks has processors of its own while it runs, and all others share the rest', async () => {
  const world = machine();
  const room = await world.room();
  const early = await run(room, 'early');
  assert.equal(world.cpus.get(early), '');
  const own = await run(room, 'own', { count: 3, numa: 'node' });
  assert.equal(world.cpus.get(own), '0-2');
  assert.equal(room.get(own).hostConfig.CpusetMems, '0');
  assert.equal(world.cpus.get(early), '3-7');
  const other = await run(room, 'other', { count: 2, numa: 'node' });
  assert.equal(world.cpus.get(other), '4-5');
  const late = await run(room, 'late');
  assert.deepEqual(
    [early, late].map((id) => world.cpus.get(id)),
    ['3,6-7', '3,6-7'],
  );
  await room.remove(own, { force: true });
  assert.deepEqual(
    [early, late].map((id) => world.cpus.get(id)),
    ['0-3,6-7', '0-3,6-7'],
  );
  await room.remove(other, { force: true });
  assert.deepEqual(
    [early, late].map((id) => world.cpus.get(id)),
    ['0-7', '0-7'],
  );
  assert.deepEqual(world.problems, []);
});

test('who finds none is refused with what is missing and who has them, and holds nothing', async () => {
  const world = machine();
  const room = await world.room();
  await run(room, 'own', { count: 5 });
  await assert.rejects(run(room, 'more', { count: 3 }), {
    code: 'cpus-exhausted',
    message:
      'there are no processors of its own for more: 3 are needed, 2 are free; one stays for everybody else',
    hint: 'ask for fewer, or stop another: own has 0-4',
  });
  world.failing = 'start';
  await assert.rejects(run(room, 'broken', { count: 2 }), /start failed/);
  world.failing = '';
  assert.equal(world.cpus.get(await run(room, 'two', { count: 2 })), '5-6');
});

test('the next daemon knows who has which, and frees those of who ended meanwhile', async () => {
  const world = machine();
  const room = await world.room();
  const [own, gone, shared] = [
    await run(room, 'own', { count: 2 }),
    await run(room, 'gone', { count: 2 }),
    await run(room, 'shared'),
  ];
  assert.equal(world.cpus.get(shared), '4-7');
  world.onExit(() => undefined);
  world.end(gone, 1);
  const again = await world.room();
  assert.equal(world.cpus.get(shared), '2-7');
  const next = await run(again, 'next', { count: 2 });
  assert.deepEqual([world.cpus.get(own), world.cpus.get(next)], ['0-1', '2-3']);
  const ended = again.wait(own, 'not-running', new AbortController().signal);
  world.end(own, 0);
  await ended;
  await again.start(own);
  assert.equal(world.cpus.get(own), '0-1', 'the same again');
});
