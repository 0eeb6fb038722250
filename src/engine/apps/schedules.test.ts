import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notFound } from '#base/errors.ts';
import { appTarget, type AppTarget } from '#domain/app/target.ts';
import { readProject } from '../../../test/support/compose.ts';
import { MemoryState } from '../../../test/support/image-room.ts';
import { MovedClock, settle } from '../../../test/support/moved-clock.ts';
import { AppLocks } from './app-locks.ts';
import { FailureLog } from './failure-log.ts';
import type { AppParts } from './parts.ts';
import { Schedules } from './schedules.ts';

/** One daemon after another on the same state, with a clock that only tests move. */
class World {
  readonly state = new MemoryState();
  readonly events: string[] = [];
  readonly target: AppTarget;
  readonly clock = new MovedClock('2026-03-01T00:00:30Z');

  constructor(schedule: string) {
    const text = `name: shop\nservices: { job: { image: a, x-berth: { schedule: { ${schedule} } } } }`;
    const { model, problems } = readProject({ 'compose.yaml': text });
    assert.ok(model, JSON.stringify(problems));
    this.target = appTarget(model, {});
  }

  daemon(): Schedules {
    const locks = new AppLocks();
    const schedules = new Schedules(this.#parts(), {
      locks,
      failures: new FailureLog(this.state),
      target: () => this.target,
      record: () => undefined,
      names: () => ['shop'],
    });
    schedules.start();
    return schedules;
  }

  pass(minutes: number): Promise<void> {
    return this.clock.pass(minutes * 60_000);
  }

  #parts(): AppParts {
    const parts: Partial<AppParts> = {
      store: this.state,
      clock: this.clock,
      report: (problem, error) => assert.fail(`${problem}: ${String(error)}`),
    };
    const containers = {
      create: () => Promise.resolve({ id: 'c', warnings: [] }),
      start: () => Promise.resolve(),
      wait: () => Promise.resolve({ exitCode: 0 }),
      stop: () => Promise.reject(notFound('container-missing', 'its container is not made yet')),
      remove: () => Promise.resolve(),
      list: () => [],
      find: () => undefined,
    };
    const events = {
      emit: (_: string, action: string) => void this.events.push(`${this.clock.minute()} ${action}`),
    };
    const create: (prototype: null) => AppParts = Object.create;
    return Object.assign(create(null), { ...parts, containers, events, images: { find: () => undefined } });
  }
}

test('a job runs each time that its schedule is due', async () => {
  const world = new World('cron: "*/5 * * * *"');
  const schedules = world.daemon();
  await world.pass(12);
  assert.deepEqual(world.events, ['03-01T00:05 job-succeeded', '03-01T00:10 job-succeeded']);
  assert.equal(schedules.list()[0]?.next, '2026-03-01T00:15:00.000Z');
  assert.equal(schedules.list()[0]?.last?.due, '2026-03-01T00:10:00.000Z');
  schedules.close();
});

test('runs that were due while the daemon was away are made up for by one, or by none when told to skip', async () => {
  for (const [missed, expected] of [
    ['run-once', ['03-01T00:17 job-succeeded', '03-01T00:20 job-succeeded']],
    ['skip', ['03-01T00:20 job-succeeded']],
  ] as const) {
    const world = new World(`cron: "*/5 * * * *", missed: ${missed}`);
    const first = world.daemon();
    await world.pass(1);
    first.close();
    await world.pass(16);
    const second = world.daemon();
    await world.pass(3);
    assert.deepEqual(world.events, expected);
    second.close();
  }
});

test('a new schedule makes up for nothing', async () => {
  const world = new World('cron: "0 0 1 3 *"');
  const schedules = world.daemon();
  await world.pass(10);
  assert.deepEqual(world.events, []);
  schedules.close();
});

test('a run that is replaced while its container is made stays replaced', async () => {
  const world = new World('cron: "0 0 1 3 *", concurrency: replace');
  const schedules = world.daemon();
  const first = schedules.run('shop', 'job');
  schedules.run('shop', 'job');
  await settle();
  assert.deepEqual(
    schedules.history('shop', 'job').map(({ id, outcome }) => [id === first.id, outcome]),
    [
      [false, 'succeeded'],
      [true, 'replaced'],
    ],
  );
  schedules.close();
});
