import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRefreshTime, nextRefresh, refreshCron } from './refresh-time.ts';

test('words and times become cron expressions', () => {
  assert.equal(refreshCron('daily'), '0 4 * * *');
  assert.equal(refreshCron('daily 03:30'), '30 3 * * *');
  assert.equal(refreshCron('weekly'), '0 4 * * 0');
  assert.equal(refreshCron('15 2 * * 1-5'), '15 2 * * 1-5');
  for (const wrong of ['daily 25:00', 'sometimes', '* * *', 'daily 3:30'])
    assert.ok(!isRefreshTime(wrong), wrong);
  assert.ok(isRefreshTime('off'));
});

test('what failed is tried again before the next day, later each time', () => {
  const since = Date.UTC(2026, 0, 1, 4);
  const after = (failures: number): number =>
    ((nextRefresh('0 4 * * *', since, failures) ?? 0) - since) / 60_000;
  assert.deepEqual([0, 1, 2, 3, 20].map(after), [24 * 60, 10, 20, 40, 6 * 60]);
});
