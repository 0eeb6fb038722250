import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppModel } from '#domain/app/model.ts';
import type { Scale } from '#domain/app/scale.ts';
import type { Container } from '#domain/container/container.ts';
import { AppLocks } from '#engine/apps/app-locks.ts';
import { FailureLog } from '#engine/apps/failure-log.ts';
import { HostCapacity } from '#engine/capacity/host-capacity.ts';
import { readProject } from '../../../test/support/compose.ts';
import { MemoryState } from '../../../test/support/image-room.ts';
import { Autoscaler, type AutoscalerParts } from './autoscaler.ts';

const gib = 1024 ** 3;

/** A machine of 4 GiB with one app, whose containers, clock and load are what the test says. */
class World {
  readonly state = new MemoryState();
  readonly locks = new AppLocks();
  readonly failures = new FailureLog(this.state);
  readonly events: string[] = [];
  readonly restored: Scale[] = [];
  readonly model: AppModel;
  scale: Scale = {};
  stopped: string[] = [];
  inFlight = 0;
  now = 1_000_000;
  failure: Error | undefined;

  constructor(autoscale: string) {
    const web = `{ image: a, mem_limit: 1g, x-berth: { ingress: [{ host: a.test, port: 80 }], autoscale: { ${autoscale} } } }`;
    const { model, problems } = readProject({ 'compose.yaml': `name: shop\nservices: { web: ${web} }` });
    assert.deepEqual(problems, []);
    assert.ok(model);
    this.model = model;
  }

  /** One daemon; the next one has the same state. */
  daemon(): Autoscaler {
    const create: (prototype: null) => AutoscalerParts = Object.create;
    const containers = { list: (): Container[] => [], usage: () => Promise.resolve(undefined) };
    const total = { memory: 4 * gib, processors: 2 };
    const facts = { ...total, hostname: '', machine: '' };
    const machine: ConstructorParameters<typeof HostCapacity>[0] = {
      facts: () => Promise.resolve(Object.assign(Object.create(null), facts)),
    };
    const record = () => ({ target: { model: this.model }, scale: this.scale, stopped: this.stopped });
    return new Autoscaler(
      Object.assign(create(null), {
        ...{ store: this.state, containers, period: 15 },
        apps: {
          ...{ names: () => ['shop'], record, locks: this.locks, failures: this.failures },
          restore: (_app: string, { scale = {} }: { scale?: Scale }) => this.#restore(scale),
        },
        services: { ready: () => [] },
        ingress: {
          load: () => Promise.resolve(new Map([['shop/web', { inFlight: this.inFlight, requests: 0 }]])),
        },
        capacity: new HostCapacity(machine, containers, () => [{ model: this.model, scale: this.scale }]),
        clock: { now: () => this.now },
        events: {
          emit: (
            _: string,
            action: string,
            _id: string,
            { from = '', to = '' }: Record<string, string> = {},
          ) => void this.events.push(`${action} ${from} ${to}`.trim()),
        },
        report: () => undefined,
      }),
    );
  }

  #restore(scale: Scale): Promise<void> {
    this.restored.push(scale);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.scale = scale;
    return Promise.resolve();
  }

  get replicas(): number {
    return this.scale['web']?.replicas ?? 1;
  }
}

test('replicas follow the load, and go down only when the window has passed, also after a restart', async () => {
  const world = new World('max: 3, in_flight: 10, down: { window: 60s }');
  const first = world.daemon();
  world.inFlight = 25;
  await first.look();
  assert.equal(world.replicas, 3);
  world.inFlight = 5;
  world.now += 59_000;
  const next = world.daemon();
  await next.look();
  assert.equal(world.replicas, 3);
  world.now += 61_000;
  await next.look();
  assert.equal(world.replicas, 1);
  assert.deepEqual(world.events, ['autoscale 1 3', 'autoscale 3 1']);
  const { changes } = await world.daemon().explain('shop', 'web');
  assert.deepEqual(
    changes.map(({ from, to }) => [from, to]),
    [
      [1, 3],
      [3, 1],
    ],
  );
});

test('there are no more than the machine has room for, and it is said what is missing', async () => {
  const world = new World('max: 9, in_flight: 1');
  const autoscaler = world.daemon();
  world.inFlight = 9;
  const { decision } = await autoscaler.explain('shop', 'web');
  assert.equal(decision.replicas, 4);
  assert.match(decision.limits.join('\n'), /the machine has room for 4: each needs 1 GiB of memory/);
  await autoscaler.look();
  assert.equal(world.replicas, 4);
});

test('a change that fails is tried again after longer pauses', async () => {
  const world = new World('max: 3, in_flight: 1');
  const autoscaler = world.daemon();
  world.inFlight = 3;
  world.failure = new Error('not well');
  for (const [after, tries] of [
    [0, 1],
    [29_000, 1],
    [1000, 2],
    [59_000, 2],
    [1000, 3],
  ] as const) {
    world.now += after;
    await autoscaler.look();
    assert.equal(world.restored.length, tries, `after ${after} ms more`);
  }
  assert.match((await autoscaler.explain('shop', 'web')).paused ?? '', /the last change failed \(not well\)/);
  assert.deepEqual(new Set(world.events), new Set(['autoscale-failed']));
});

test('nothing happens while a person changes the app or has stopped it, or a replica is given up', async () => {
  const world = new World('max: 3, in_flight: 1');
  const autoscaler = world.daemon();
  world.inFlight = 3;
  await world.locks.run('shop', 'up', () => autoscaler.look());
  const open = { reason: 'it ended', log: [] };
  world.failures.note('shop', 'web 1', { count: 9, last: 0, seen: '', open });
  await autoscaler.look();
  assert.deepEqual(world.restored, []);
  assert.match((await autoscaler.explain('shop', 'web')).paused ?? '', /web 1 is given up: it ended/);
  world.failures.forget('shop');
  world.stopped = ['web'];
  await autoscaler.look();
  assert.deepEqual(world.restored, []);
  world.stopped = [];
  await autoscaler.look();
  assert.equal(world.replicas, 3);
});
