import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { World } from '../../../test/support/container-room.ts';
import { create, held, nothing, settle } from '../../../test/support/container-steps.ts';

const never = new AbortController().signal;

describe('a new start of the daemon', () => {
  it('adopts what runs and handles what ended meanwhile', async () => {
    const world = new World();
    const room = await world.room();
    const [runs, ended] = [await create(room, {}, 'runs'), await create(room, {}, 'ended')];
    await Promise.all([room.start('runs'), room.start('ended')]);
    world.onExit(() => undefined);
    world.end(ended, 21);
    const again = await world.room();
    assert.equal(again.get('runs').state.status, 'running');
    assert.deepEqual([again.get('ended').state.status, again.get('ended').state.exitCode], ['exited', 21]);
    assert.deepEqual([...world.tasks.keys()], [runs]);
    assert.deepEqual([...world.sandboxes], [runs]);
    const waited = again.wait('runs', 'not-running', never);
    world.end(runs, 4);
    assert.deepEqual(await waited, { exitCode: 4 });
  });

  it('restarts after a reboot what its policy says', async () => {
    const world = new World();
    const room = await world.room();
    for (const [name, Name] of [
      ['a1', 'always'],
      ['u1', 'unless-stopped'],
      ['n1', 'no'],
    ] as const) {
      await create(room, { RestartPolicy: { Name } }, name);
      await room.start(name);
    }
    world.tasks.clear();
    const again = await world.room();
    const status = () => ['a1', 'u1', 'n1'].map((name) => again.get(name).state.status);
    assert.deepEqual(status(), ['restarting', 'restarting', 'exited']);
    world.wake(100);
    world.wake(100);
    await settle();
    assert.deepEqual(status(), ['running', 'running', 'exited']);
    assert.equal(again.get('n1').state.exitCode, 137);
  });

  it('handles once what ends while another is taken over', async () => {
    const world = new World();
    const room = await world.room();
    const first = await create(room, {}, 'first');
    const id = await create(room);
    await Promise.all([room.start('first'), room.start('web')]);
    world.onExit(() => undefined);
    const look = world.tasks.get.bind(world.tasks);
    world.tasks.get = (key) => {
      if (key === first && look(id) === 'running') world.end(id, 5);
      return look(key);
    };
    const again = await world.room();
    await settle();
    assert.partialDeepStrictEqual(again.get('web').state, { status: 'exited', exitCode: 5 });
    assert.equal(world.events.filter((event) => event === 'container die').length, 1);
    assert.ok(!world.problems.includes(`container ${id} is gone`));
  });

  it('looks for leftovers before it starts anything again', async () => {
    const world = new World();
    const room = await world.room();
    await create(room, { RestartPolicy: { Name: 'always' } });
    await room.start('web');
    world.tasks.clear();
    const restarts = () => world.sleeps.filter(({ ms }) => ms === 100).length;
    let early = 0;
    const list = world.tasks.keys.bind(world.tasks);
    world.tasks.keys = () => {
      early = restarts();
      return list();
    };
    await world.room();
    assert.deepEqual([early, restarts()], [0, 1]);
  });

  it('clears away the rest when one leftover cannot be', async () => {
    const world = new World();
    const strays = ['e', 'f'].map((digit) => digit.repeat(64));
    for (const stray of strays) world.files.add(stray);
    const remove = world.files.delete.bind(world.files);
    world.files.delete = (id) => {
      if (id === strays[0]) throw new Error('it stays');
      return remove(id);
    };
    await world.room();
    assert.deepEqual([...world.files], [strays[0]]);
    assert.deepEqual(world.problems, [`something of ${strays[0]} is left over`]);
  });

  it('finishes or undoes a start that was interrupted', async () => {
    const world = new World();
    const room = await world.room();
    const [before, after] = [await create(room, {}, 'before'), await create(room, {}, 'after')];
    const collection = world.state.collection<object>('containers');
    const config = { Healthcheck: { Test: ['CMD', 'true'] } };
    for (const [id, status] of [
      [before, 'created'],
      [after, 'running'],
    ] as const) {
      collection.put(id, { ...collection.get(id), config, pending: 'start' });
      world.tasks.set(id, status);
    }
    const again = await world.room();
    assert.equal(again.get('before').state.status, 'created');
    const { status, health } = again.get('after').state;
    assert.deepEqual([status, health?.status], ['running', 'starting']);
    assert.deepEqual([...world.tasks.keys()], [after]);
  });

  for (const [pending, kept] of [
    ['remove-volumes', 0],
    [undefined, 1],
  ] as const)
    it(`finishes a removal that was interrupted, ${kept === 0 ? 'with' : 'without'} its volumes`, async () => {
      const world = new World();
      const room = await world.room();
      const id = await create(room, { Binds: ['/anonymous'] });
      const collection = world.state.collection<object>('containers');
      const { state } = room.get(id);
      collection.put(id, { ...collection.get(id), pending, state: { ...state, status: 'removing' } });
      assert.deepEqual((await world.room()).list(), []);
      assert.deepEqual(held(world), { ...nothing, volumes: kept });
    });

  it('removes what belongs to no container', async () => {
    const world = new World();
    const stray = 'f'.repeat(64);
    world.snapshots.add(stray);
    world.files.add(stray);
    world.tasks.set(stray, 'running');
    await world.room();
    assert.deepEqual(held(world), nothing);
  });
});
