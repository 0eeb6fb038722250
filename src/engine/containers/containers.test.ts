import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { forbidden } from '#base/errors.ts';
import { World } from '../../../test/support/container-room.ts';
import { create, held, nothing, settle } from '../../../test/support/container-steps.ts';

const never = new AbortController().signal;

describe('creating a container', () => {
  it('gives a name to one of two that ask for it at once', async () => {
    const room = await new World().room();
    const results = await Promise.allSettled([create(room), create(room)]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
    assert.equal(room.list().length, 1);
  });

  for (const step of ['volume', 'snapshot'])
    it(`leaves nothing when the ${step} cannot be made`, async () => {
      const world = new World();
      const room = await world.room();
      world.failing = step;
      await assert.rejects(create(room, { Binds: ['named:/a', '/src:/b'] }), /failed/);
      assert.deepEqual(held(world), nothing);
      world.failing = '';
      assert.ok(await create(room), 'the name is free again');
    });

  it('asks every policy before anything is made', async () => {
    const world = new World();
    const refuse = () => {
      throw forbidden('policy', 'refused by a policy');
    };
    const room = await world.room([() => ['a warning'], refuse]);
    await assert.rejects(create(room), { kind: 'forbidden' });
    assert.deepEqual(held(world), nothing);
  });

  it('is undone by the next start of the daemon when it was interrupted', async () => {
    const world = new World();
    const room = await world.room();
    const id = await create(room, { Binds: ['/anonymous'] });
    const collection = world.state.collection<{ pending?: string }>('containers');
    collection.put(id, { ...collection.get(id), pending: 'create' });
    const again = await world.room();
    assert.deepEqual(again.list(), []);
    assert.deepEqual(held(world), nothing);
  });
});

describe('starting a container', () => {
  for (const step of ['mount', 'sandbox', 'create', 'start'])
    it(`frees everything when the step '${step}' fails`, async () => {
      const world = new World();
      const room = await world.room();
      await create(room);
      world.failing = step;
      await assert.rejects(room.start('web'), new RegExp(`${step} failed`));
      assert.deepEqual({ ...held(world), files: 0 }, { ...nothing, snapshots: 1 });
      assert.equal(room.get('web').state.exitCode, 128);
      assert.equal(room.get('web').pending, undefined);
      world.failing = '';
      await room.start('web');
      assert.equal(room.get('web').state.status, 'running');
    });

  it('hangs up on the receiver of its log when it fails', async () => {
    const world = new World();
    const room = await world.room();
    await create(room, { LogConfig: { Type: 'journald', Config: {} } });
    world.failing = 'create';
    await assert.rejects(room.start('web'), /create failed/);
    assert.equal(world.connections, 0);
  });

  it('leaves its root mounted in the container alone', async () => {
    const world = new World();
    const room = await world.room();
    await create(room);
    await room.start('web');
    assert.deepEqual([...world.mounted], []);
  });

  it('leaves its root mounted in the container alone, also after a reading that failed', async () => {
    const world = new World();
    const room = await world.room();
    await create(room);
    world.failing = 'mount';
    await assert.rejects(room.exportRoot('web'), /mount failed/);
    world.failing = '';
    await room.start('web');
    assert.deepEqual([...world.mounted], []);
  });

  it('leaves the root to those who read it since before the start', async () => {
    const world = new World();
    const room = await world.room();
    const id = await create(room);
    const reading = await room.exportRoot('web');
    await room.start('web');
    assert.deepEqual([...world.mounted], [id]);
    await once(reading.destroy(), 'close');
    world.end(id, 0);
    await room.wait('web', 'not-running', never);
    assert.deepEqual([...world.mounted], []);
  });

  it('serves clients that attached before', async () => {
    const room = await new World().room();
    await create(room);
    const place = room.attach('web');
    await room.start('web');
    assert.ok(await place.stdio);
  });

  it('refuses clients that attached before when it fails', async () => {
    const world = new World();
    const room = await world.room();
    await create(room);
    const place = room.attach('web');
    world.failing = 'create';
    await assert.rejects(room.start('web'));
    await assert.rejects(place.stdio, /create failed/);
  });
});

describe('the end of a container', () => {
  it('is told to those who wait, and everything is freed', async () => {
    const world = new World();
    const room = await world.room();
    const id = await create(room);
    await room.start('web');
    const waits = [room.wait('web', 'next-exit', never), room.wait('web', 'not-running', never)];
    world.end(id, 7);
    assert.deepEqual(await Promise.all(waits), [{ exitCode: 7 }, { exitCode: 7 }]);
    assert.deepEqual({ ...held(world), files: 0 }, { ...nothing, snapshots: 1 });
    assert.equal(room.get('web').state.status, 'exited');
  });

  it('removes it together with its anonymous volumes when asked to', async () => {
    const world = new World();
    const room = await world.room();
    const id = await create(room, { AutoRemove: true, Binds: ['/anonymous', 'named:/n'] });
    await room.start('web');
    const removed = room.wait('web', 'removed', never);
    world.end(id, 3);
    assert.deepEqual(await removed, { exitCode: 3 });
    assert.deepEqual(held(world), { ...nothing, volumes: 1 });
  });

  it('is told after the clients at its streams have had the output, or time enough for it', async () => {
    const world = new World();
    const room = await world.room();
    const id = await create(room);
    const told = (): number => world.events.filter((event) => event === 'container die').length;
    const before = room.attach('web');
    await room.start('web');
    const during = room.attach('web');
    const ended = room.wait('web', 'next-exit', never);
    world.end(id, 0);
    await settle();
    before.cancel();
    await settle();
    assert.equal(told(), 0);
    during.cancel();
    await ended;
    assert.equal(told(), 1);
    world.sleeps.length = 0;
    await room.start('web');
    room.attach('web');
    world.end(id, 0);
    await settle();
    assert.equal(told(), 1);
    world.wake(2000);
    await settle();
    assert.equal(told(), 2);
  });

  it('is handled once it can be recorded', async () => {
    const world = new World();
    const room = await world.room();
    const id = await create(room);
    await room.start('web');
    world.state.isFull = true;
    world.end(id, 3);
    await settle();
    assert.equal(room.get('web').state.status, 'running');
    world.wake(500);
    await settle();
    world.state.isFull = false;
    world.wake(500);
    await settle();
    assert.partialDeepStrictEqual(room.get('web').state, { status: 'exited', exitCode: 3 });
    assert.deepEqual(world.problems, [`the exit of container ${id} is not handled yet`]);
  });

  it('keeps the record of a container that is being removed until its volumes are gone', async () => {
    const world = new World();
    const room = await world.room();
    const id = await create(room, { Binds: ['/anonymous'] });
    const collection = world.state.collection<object>('containers');
    let recorded: object | undefined;
    const remove = world.volumes.delete.bind(world.volumes);
    world.volumes.delete = (name) => {
      recorded = collection.get(id);
      return remove(name);
    };
    await room.remove('web', { volumes: true });
    assert.partialDeepStrictEqual(recorded, { pending: 'remove-volumes', state: { status: 'removing' } });
    assert.equal(collection.get(id), undefined);
  });

  it('is followed by restarts with a growing pause until somebody stops it', async () => {
    const world = new World();
    const room = await world.room();
    const id = await create(room, { RestartPolicy: { Name: 'always' } });
    await room.start('web');
    for (const pause of [100, 200, 400]) {
      world.end(id, 1);
      await settle();
      assert.equal(room.get('web').state.status, 'restarting');
      world.wake(pause);
      await settle();
      assert.equal(room.get('web').state.status, 'running', `after ${pause} ms`);
    }
    assert.equal(room.get('web').state.restartCount, 3);
    world.end(id, 1);
    await settle();
    await room.stop('web');
    assert.equal(room.get('web').state.status, 'exited');
    world.wake(800);
    await settle();
    assert.equal(room.get('web').state.status, 'exited');
  });

  it('comes by force after the time to stop is up', async () => {
    const world = new World();
    const room = await world.room();
    await create(room);
    await room.start('web');
    const stopped = room.stop('web', { timeout: 7 });
    await settle();
    world.wake(7000);
    await stopped;
    assert.deepEqual(world.signals, ['15', '9']);
    await assert.rejects(room.stop('web'), { kind: 'unchanged' });
  });

  it('leaves a restart on request with the container although it is to be removed at its end', async () => {
    const world = new World();
    const room = await world.room();
    const id = await create(room, { AutoRemove: true });
    await room.start('web');
    await room.restart('web', { timeout: 0, signal: 'KILL' });
    assert.equal(room.get('web').state.status, 'running');
    world.end(id, 0);
    await settle();
    assert.equal(room.find('web'), undefined);
  });
});

describe('a change of a container that runs', () => {
  it('leaves what others change of it meanwhile', async () => {
    const world = new World();
    const room = await world.room();
    await create(room);
    await room.start('web');
    const set = world.cpus.set.bind(world.cpus);
    world.cpus.set = (id, cpus) => {
      room.setTraffic('web', 'draining');
      return set(id, cpus);
    };
    await room.update('web', { CpusetCpus: '1' });
    assert.partialDeepStrictEqual(room.get('web'), { traffic: 'draining', hostConfig: { CpusetCpus: '1' } });
  });
});
