import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBytes } from './bytes.ts';
import { durationRefused, formatDuration, parseDuration } from './duration.ts';

test('durations are read as Go reads them, and written as Go writes them', () => {
  assert.equal(parseDuration('1m30s'), 90e9);
  assert.equal(parseDuration('500ms'), 5e8);
  assert.equal(parseDuration('1.5h'), 5400e9);
  assert.equal(parseDuration('0'), 0);
  for (const bad of ['', 'x', '1 s', '-1s', '1d', '1']) assert.equal(parseDuration(bad), undefined, bad);
  for (const text of ['1h0m0s', '1m30s', '1.5s', '20ms', '7ns', '0s'])
    assert.equal(formatDuration(parseDuration(text) ?? -1), text);
});

test('what is no duration is refused in the words of Go', () => {
  assert.equal(durationRefused('5'), 'time: missing unit in duration "5"');
  assert.equal(durationRefused('1h5d'), 'time: unknown unit "d" in duration "1h5d"');
  assert.equal(durationRefused('soon'), 'time: invalid duration "soon"');
});

test('sizes are powers of 1024', () => {
  assert.equal(parseBytes('64k'), 65536);
  assert.equal(parseBytes('1.5GiB'), 1610612736);
  assert.equal(parseBytes('100'), 100);
  for (const bad of ['', 'm', '1x', '-1']) assert.equal(parseBytes(bad), undefined, bad);
});
