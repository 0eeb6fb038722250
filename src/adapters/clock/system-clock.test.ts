import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemClock } from './system-clock.ts';

test('timestamps have nine digits of a second, are near the wall clock and always grow', () => {
  const clock = new SystemClock();
  const stamps = Array.from({ length: 1000 }, () => clock.timestamp());
  assert.match(stamps[0] ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  assert.ok(Math.abs(Date.parse(stamps[0] ?? '') - Date.now()) < 5000);
  assert.deepEqual(stamps, [...new Set(stamps)].sort());
});

test('a sleep ends at once when its signal aborts', async () => {
  const clock = new SystemClock();
  const control = new AbortController();
  const sleep = clock.sleep(60_000, control.signal);
  control.abort(new Error('enough'));
  await assert.rejects(sleep, /enough/);
  await assert.rejects(clock.sleep(60_000, control.signal), /enough/);
});
