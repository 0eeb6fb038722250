import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryState } from '../../../test/support/image-room.ts';
import type { RefreshEvent } from './refreshing.ts';
import { RefreshSchedule } from './refresh-schedule.ts';

/** One daemon after another on the same state, with a clock that only tests move. */
class World {
  readonly state = new MemoryState();
  readonly runs: string[] = [];
  readonly events: string[] = [];
  now = Date.parse('2026-03-01T00:00:30Z');
  failed: string[] = [];
  /** Set: a refresh goes on until the daemon stops. */
  hangs = false;
  #sleeps: { until: number; wake: () => void }[] = [];

  daemon(cron: string | undefined): RefreshSchedule {
    const schedule = new RefreshSchedule({
      ...{ store: this.state, cron, deploy: true },
      clock: {
        now: () => this.now,
        timestamp: () => new Date(this.now).toISOString(),
        sleep: (ms, signal) =>
          new Promise((resolve, reject) => {
            const sleep = { until: this.now + ms, wake: resolve };
            this.#sleeps.push(sleep);
            signal?.addEventListener('abort', () => {
              this.#sleeps = this.#sleeps.filter((one) => one !== sleep);
              reject(new Error('aborted'));
            });
          }),
      },
      events: { emit: (_type, action) => void this.events.push(action) },
      refreshing: {
        run: async ({ deploy, dryRun }, emit, signal) => {
          this.runs.push(`${this.#time()}${deploy ? ' deploys' : ''}${dryRun ? ' dry' : ''}`);
          if (this.hangs) await new Promise((_, reject) => signal.addEventListener('abort', reject));
          emit(this.#result());
        },
      },
      report: () => undefined,
    });
    schedule.start();
    return schedule;
  }

  /** Moves the clock, and lets everything that is then due happen. */
  async pass(hours: number): Promise<void> {
    const end = this.now + hours * 3_600_000;
    for (;;) {
      await settle();
      const next = this.#sleeps.toSorted((a, b) => a.until - b.until)[0];
      if (next === undefined || next.until > end) break;
      this.#sleeps = this.#sleeps.filter((one) => one !== next);
      this.now = next.until;
      next.wake();
    }
    this.now = end;
  }

  #result(): RefreshEvent {
    return { type: 'result', refreshed: ['debian.berth/node:bookworm'], failed: this.failed, waiting: [] };
  }

  #time(): string {
    return new Date(this.now).toISOString().slice(5, 16);
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
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
