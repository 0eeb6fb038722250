import { it } from 'node:test';
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import type { Container } from '#domain/container/container.ts';
import type { LogEntry, LogPosition, LogProgress } from '#ports/log-store.ts';
import { LogForward, type ForwardParts } from './log-forward.ts';
import type { LogSender } from './log-sender.ts';
import { fake } from '../../../test/support/container-room.ts';

const entry = (second: number, text: string): LogEntry => ({
  stream: 'stdout',
  time: `2026-01-01T00:00:0${second}.000000000Z`,
  data: Buffer.from(text),
});

class Bench {
  readonly sent: string[] = [];
  readonly positions: number[] = [];
  /** Positions that were recorded when a sending was tried. */
  readonly recordedBefore: number[] = [];
  readonly problems: string[] = [];
  /** How many sendings fail first. */
  failures = 0;
  /** Who waits for the stop after the run. */
  listeners: number | undefined;
  /** What ends the sending. */
  stop: AbortSignal | undefined;
  /** The clock, in seconds. */
  now = 0;

  async run(config: Record<string, string>, ...batches: LogEntry[][]): Promise<void> {
    const container = fake<Container>({
      id: 'c',
      hostConfig: { LogConfig: { Type: 'syslog', Config: config } },
    });
    const forward = new LogForward(this.#parts(batches), container, {
      get: () => undefined,
      note: ({ offset }: LogPosition) => void this.positions.push(offset),
    });
    forward.begin(Promise.resolve(), this.#sender());
    while (this.positions.length < batches.length) await forward.drained();
    await forward.drained();
    this.listeners = this.stop && getEventListeners(this.stop, 'abort').length;
    await forward.stop();
  }

  #parts(batches: LogEntry[][]): ForwardParts {
    async function* progress(): AsyncGenerator<LogProgress> {
      for (const [index, entries] of batches.entries())
        yield await Promise.resolve({ entries, position: { file: 'f', offset: index + 1, skip: 0 } });
    }
    return {
      clock: {
        now: () => this.now * 1000,
        timestamp: () => entry(this.now, '').time,
        sleep: () => Promise.resolve(),
      },
      logs: fake<ForwardParts['logs']>({
        followFrom: (_id, _position, { signal }) => {
          this.stop = signal;
          return progress();
        },
      }),
      report: (problem) => void this.problems.push(problem),
    };
  }

  #sender(): LogSender {
    return fake<LogSender>({
      send: (entries) => {
        this.recordedBefore.push(this.positions.length);
        if (this.failures-- > 0) return Promise.reject(new Error('away'));
        this.sent.push(...entries.map(({ data }) => data.toString()));
        return Promise.resolve(0);
      },
      close: () => undefined,
    });
  }
}

it('what a receiver did not take is sent again, and recorded only then', async () => {
  const bench = new Bench();
  bench.failures = 3;
  await bench.run({}, [entry(1, 'a'), entry(2, 'b')]);
  assert.deepEqual(bench.sent, ['a', 'b']);
  assert.deepEqual(bench.recordedBefore, [0, 0, 0, 0]);
  assert.deepEqual(bench.positions, [1]);
  assert.deepEqual(bench.problems, ['the log of container c waits for its receiver']);
});

it('a run that is over leaves nothing that waits for the stop', async () => {
  const bench = new Bench();
  await bench.run({}, [entry(1, 'a')]);
  assert.equal(bench.listeners, 0);
});

it('without blocking, what waited beyond the buffer is dropped and told of', async () => {
  const bench = new Bench();
  bench.now = 5;
  const waited = [entry(2, 'x'), entry(3, 'y'), entry(4, 'z'), entry(6, 'new')];
  await bench.run({ mode: 'non-blocking', 'max-buffer-size': '2' }, [entry(1, 'a')], waited);
  assert.deepEqual(bench.sent, ['a', 'x', 'y', 'new']);
  assert.match(bench.problems.join(), /1 lines were more than max-buffer-size holds/);
  assert.deepEqual(bench.positions, [1, 2]);
});
