import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cronFault, lastDue, nextRun, retryIn, type Schedule } from './schedule.ts';

const schedule = (given: Partial<Schedule>): Schedule => ({
  cron: '0 3 * * *',
  timezone: 'UTC',
  concurrency: 'forbid',
  retries: 0,
  backoff: 10,
  history: { succeeded: 3, failed: 3 },
  missed: 'run-once',
  ...given,
});

const at = (text: string): number => Date.parse(text);

function runs(cron: string, timezone: string, after: string, count: number): string[] {
  const found: string[] = [];
  let from = at(after);
  while (found.length < count) {
    const next = nextRun({ cron, timezone }, from);
    if (next === undefined) break;
    found.push(new Date(next).toISOString());
    from = next;
  }
  return found;
}

test('five fields and names are read; another number of fields, wrong values and zones are refused', () => {
  assert.deepEqual(runs('*/20 9-10 * * mon', 'UTC', '2026-01-02T00:00:00Z', 3), [
    '2026-01-05T09:00:00.000Z',
    '2026-01-05T09:20:00.000Z',
    '2026-01-05T09:40:00.000Z',
  ]);
  assert.deepEqual(runs('@daily', 'Asia/Kolkata', '2026-01-02T00:00:00Z', 1), ['2026-01-02T18:30:00.000Z']);
  for (const name of ['@hourly', '@weekly', '@monthly', '@yearly'])
    assert.equal(cronFault(name, 'UTC'), undefined);
  assert.ok(cronFault('* * * * * *', 'UTC'));
  assert.ok(cronFault('61 * * * *', 'UTC'));
  assert.ok(cronFault('* * *', 'UTC'));
  assert.ok(cronFault('@daily', 'Mars/Olympus'));
  assert.ok(cronFault('0 0 30 2 *', 'UTC'));
});

test('as in cron, a day of the month and a day of the week are alternatives', () => {
  assert.deepEqual(runs('0 0 13 * fri', 'UTC', '2026-01-01T00:00:00Z', 3), [
    '2026-01-02T00:00:00.000Z',
    '2026-01-09T00:00:00.000Z',
    '2026-01-13T00:00:00.000Z',
  ]);
});

test('a daily run is neither lost nor doubled when clocks change', () => {
  // On 2026-03-29 Berlin skips from 02:00 to 03:00; on 2026-10-25 it repeats 02:00 to 03:00.
  assert.deepEqual(runs('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', 3), [
    '2026-03-28T01:30:00.000Z',
    '2026-03-29T01:00:00.000Z',
    '2026-03-30T00:30:00.000Z',
  ]);
  assert.deepEqual(runs('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2), [
    '2026-10-25T00:30:00.000Z',
    '2026-10-26T01:30:00.000Z',
  ]);
});

test('the latest run that was missed is found, also after a long time away', () => {
  const since = at('2026-01-01T12:00:00Z');
  assert.equal(lastDue(schedule({}), since, at('2026-01-02T02:59:00Z')), undefined);
  assert.equal(lastDue(schedule({}), since, at('2026-01-09T04:00:00Z')), at('2026-01-09T03:00:00Z'));
  const minutely = schedule({ cron: '* * * * *' });
  assert.equal(lastDue(minutely, since, at('2027-01-01T00:00:30Z')), at('2027-01-01T00:00:00Z'));
  const yearly = schedule({ cron: '@yearly' });
  assert.equal(
    lastDue(yearly, at('2025-06-01T00:00:00Z'), at('2026-06-01T00:00:00Z')),
    at('2026-01-01T00:00:00Z'),
  );
});

test('a failed run is tried again as often as allowed, each time after twice as long', () => {
  const twice = schedule({ retries: 2 });
  assert.deepEqual(
    [1, 2, 3].map((tries) => retryIn(twice, tries)),
    [10_000, 20_000, undefined],
  );
  assert.equal(retryIn(schedule({}), 1), undefined);
});
