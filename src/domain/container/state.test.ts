import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterExit, afterStart, newState } from './state.ts';

const started = (at: string) => afterStart(newState(), 7, at, false);
const exit = (at: string) => ({ exitCode: 3, exitedAt: at, oomKilled: false });

test('a container that ended has its exit code and time, and no process', () => {
  const ended = afterExit(
    started('2026-01-01T00:00:00.500000000Z'),
    exit('2026-01-01T00:00:02.000000000Z'),
    false,
  );
  assert.deepEqual(
    [ended.status, ended.pid, ended.exitCode, ended.finishedAt],
    ['exited', 0, 3, '2026-01-01T00:00:02.000000000Z'],
  );
});

test('no container ends before it started, although the clock of its exit is behind', () => {
  const start = '2026-01-01T00:00:00.500000000Z';
  assert.equal(afterExit(started(start), exit('2026-01-01T00:00:00.496000000Z'), false).finishedAt, start);
});
