import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beyondHistory, type JobRun, type RunOutcome } from './job-runs.ts';

const run = (id: string, outcome: RunOutcome): JobRun => ({
  id,
  outcome,
  trigger: 'schedule',
  ...{ due: '', started: '', ended: '', exitCode: 0, tries: 1, container: '' },
});

test('of each kind the latest runs are kept; one that goes on always', () => {
  const runs = [
    run('a', 'succeeded'),
    run('b', 'running'),
    run('c', 'failed'),
    run('d', 'timed-out'),
    run('e', 'succeeded'),
    run('f', 'replaced'),
  ];
  const gone = (succeeded: number, failed: number): string[] =>
    beyondHistory(runs, { succeeded, failed }).map((one) => one.id);
  assert.deepEqual(gone(1, 1), ['d', 'c', 'a']);
  assert.deepEqual(gone(5, 5), []);
  assert.deepEqual(gone(0, 0), ['f', 'e', 'd', 'c', 'a']);
});
