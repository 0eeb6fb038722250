import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { askedDelay, checkRestartPolicy, delayAnnotationOf, nextDelay, restarts } from './restart.ts';

const ended = { exitCode: 1, restartCount: 0, stoppedByUser: false };

describe('restart policies', () => {
  it('restart never without a policy', () => {
    assert.equal(restarts(undefined, ended), false);
    assert.equal(restarts({ Name: 'no' }, ended), false);
  });

  it('restart always, whatever the exit code', () => {
    assert.equal(restarts({ Name: 'always' }, { ...ended, exitCode: 0 }), true);
    assert.equal(restarts({ Name: 'unless-stopped' }, { ...ended, exitCode: 0 }), true);
  });

  it('heed a stop by a person', () => {
    for (const Name of ['always', 'unless-stopped', 'on-failure'] as const)
      assert.equal(restarts({ Name }, { ...ended, stoppedByUser: true }), false, Name);
  });

  it('restart on failure only so often', () => {
    const policy = { Name: 'on-failure', MaximumRetryCount: 2 } as const;
    assert.equal(restarts(policy, { ...ended, exitCode: 0 }), false);
    assert.equal(restarts(policy, { ...ended, restartCount: 1 }), true);
    assert.equal(restarts(policy, { ...ended, restartCount: 2 }), false);
  });

  it('are refused when they contradict themselves', () => {
    assert.throws(() => checkRestartPolicy({ Name: 'always', MaximumRetryCount: 1 }, false), /on-failure/);
    assert.throws(() => checkRestartPolicy({ Name: 'on-failure', MaximumRetryCount: -1 }, false), /negative/);
    assert.throws(() => checkRestartPolicy({ Name: 'always' }, true), /AutoRemove/);
    assert.doesNotThrow(() => checkRestartPolicy({ Name: 'no' }, true));
  });
});

describe('the back-off', () => {
  it('doubles from 100 ms to a minute', () => {
    const delays = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].reduce<number[]>(
      (list) => [...list, nextDelay(list.at(-1) ?? 0, 50)],
      [],
    );
    assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
  });

  it('keep to the pause that the container asks for', () => {
    const asked = askedDelay({ Annotations: delayAnnotationOf(2.5) });
    assert.equal(asked, 2500);
    assert.deepEqual([nextDelay(0, 50, asked), nextDelay(2500, 50, asked)], [2500, 2500]);
    assert.equal(nextDelay(0, 50, 0), 100);
    assert.equal(askedDelay({ Annotations: { 'berth.restart.delay': 'soon' } }), undefined);
    assert.equal(askedDelay({}), undefined);
  });

  it('begins anew after ten seconds of running', () => {
    assert.equal(nextDelay(51_200, 10_001), 100);
  });
});
