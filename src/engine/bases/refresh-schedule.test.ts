import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryState } from '../../../test/support/image-room.ts';
import { MovedClock, settle } from '../../../test/support/moved-clock.ts';
import type { RefreshEvent } from './refreshing.ts';
import { RefreshSchedule } from './refresh-schedule.ts';

/** One daemon after another on the same state, with a clock that only tests move. */
class World {
  readonly state = new MemoryState();
  readonly runs: string[] = [];
  readonly events: string[] = [];
  readonly clock = new MovedClock('2026-03-01T00:00:30Z');
  failed: string[] = [];
  /** Set: a refresh goes on until the daemon stops. */
  hangs = false;

  daemon(cron: string | undefined): RefreshSchedule {
    const schedule = new RefreshSchedule({
      ...{ store: this.state, cron, deploy: true, clock: this.clock },
      events: { emit: (_type, action) => void this.events.push(action) },
      refreshing: {
        run: async ({ deploy, dryRun }, emit, signal) => {
          this.runs.push(`${this.clock.minute()}${deploy ? ' deploys' : ''}${dryRun ? ' dry' : ''}`);
          if (this.hangs) await new Promise((_, reject) => signal.addEventListener('abort', reject));
          emit(this.#result());
        },
      },
      report: () => undefined,
    });
    schedule.start();
    return schedule;
  }

  pass(hours: number): Promise<void> {
    return this.clock.pass(hours * 3_600_000);
  }

  #result(): RefreshEvent {
    return { type: 'result', refreshed: ['debian.berth/node:bookworm'], failed: this.failed, waiting: [] };
  }
}

const daily = '0 4 * * *';

test('bases are refreshed each time that it is due', async () => {
  const world = new World();
  const schedule = world.daemon(daily);
  assert.equal(schedule.next, '2026-03-01T04:00:00.000Z');
  await world.pass(50);
  assert.deepEqual(world.runs, ['03-01T04:00 deploys', '03-02T04:00 deploys']);
  assert.deepEqual(world.events, ['base-refresh', 'base-refresh']);
  assert.deepEqual(schedule.last?.refreshed, ['debian.berth/node:bookworm']);
  schedule.close();
});

test('what was due while the daemon was away is made up for once; another schedule counts from now', async () => {
  const world = new World();
  const first = world.daemon(daily);
  await world.pass(1);
  first.close();
  await world.pass(72);
  const second = world.daemon(daily);
  await world.pass(1);
  assert.deepEqual(world.runs, ['03-04T01:00 deploys']);
  second.close();
  await world.pass(72);
  const third = world.daemon('0 5 * * *');
  await world.pass(1);
  assert.equal(world.runs.length, 1);
  assert.equal(third.next, '2026-03-07T05:00:00.000Z');
  third.close();
});

test('a refresh that failed is tried again sooner, later with each failure, until it succeeds', async () => {
  const world = new World();
  world.failed = ['debian.berth/go:bookworm'];
  const schedule = world.daemon(daily);
  await world.pass(4.6);
  assert.deepEqual(world.runs, ['03-01T04:00 deploys', '03-01T04:10 deploys', '03-01T04:30 deploys']);
  assert.equal(world.events.at(-1), 'base-refresh-failed');
  world.failed = [];
  await world.pass(1);
  assert.equal(world.runs.at(-1), '03-01T05:10 deploys');
  assert.equal(schedule.next, '2026-03-02T04:00:00.000Z');
  schedule.close();
});

test('a refresh that the end of the daemon cut off counts as failed', async () => {
  const world = new World();
  world.hangs = true;
  const first = world.daemon(daily);
  await world.pass(4);
  assert.equal(first.last?.ended, '');
  first.close();
  await settle();
  world.hangs = false;
  const second = world.daemon(daily);
  assert.equal(second.last?.error, 'the daemon ended meanwhile');
  await world.pass(0.5);
  assert.deepEqual(world.runs, ['03-01T04:00 deploys', '03-01T04:10 deploys']);
  second.close();
});

test('without a schedule nothing is refreshed', async () => {
  const world = new World();
  const schedule = world.daemon(undefined);
  await world.pass(100);
  assert.deepEqual(world.runs, []);
  assert.equal(schedule.next, undefined);
  schedule.close();
});
