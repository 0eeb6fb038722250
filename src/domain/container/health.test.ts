import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { afterProbe, healthPlan, initialHealth, nextProbeIn, type HealthPlan } from './health.ts';

const second = 1_000_000_000;
const plan = healthPlan(
  {
    Test: ['CMD', 'probe'],
    Interval: 10 * second,
    StartPeriod: 60 * second,
    StartInterval: second,
    Retries: 2,
  },
  [],
);
if (plan === undefined) throw new Error('the plan of a health check is undefined');
const checked: HealthPlan = plan;
const result = (ExitCode: number) => ({ Start: 's', End: 'e', ExitCode, Output: '' });

describe('a health check', () => {
  it('has defaults of 30 s and three retries', () => {
    const defaults = healthPlan({ Test: ['CMD', 'x'] }, []);
    assert.deepEqual(defaults, {
      command: ['x'],
      interval: 30_000,
      timeout: 30_000,
      startPeriod: 0,
      startInterval: 5000,
      retries: 3,
    });
  });

  it('is none for NONE and for an empty test', () => {
    assert.equal(healthPlan({ Test: ['NONE'] }, []), undefined);
    assert.equal(healthPlan({}, []), undefined);
    assert.equal(healthPlan(undefined, []), undefined);
  });

  it("runs a command line by the container's own shell", () => {
    assert.deepEqual(healthPlan({ Test: ['CMD-SHELL', 'x | y'] }, ['/bin/ash', '-c'])?.command, [
      '/bin/ash',
      '-c',
      'x | y',
    ]);
    assert.deepEqual(healthPlan({ Test: ['CMD-SHELL', 'x'] }, [])?.command, ['/bin/sh', '-c', 'x']);
  });

  it('does not count failures within the start period', () => {
    const health = afterProbe(checked, initialHealth(), result(1), 59_999);
    assert.equal(health.failingStreak, 0);
    assert.equal(health.status, 'starting');
    assert.equal(health.log.length, 1);
  });

  it('is unhealthy after as many failures in a row as it may retry', () => {
    const once = afterProbe(checked, initialHealth(), result(1), 60_000);
    const twice = afterProbe(checked, once, result(1), 70_000);
    assert.deepEqual([once.status, twice.status], ['starting', 'unhealthy']);
  });

  it('is healthy after one success', () => {
    const failed = { ...initialHealth(), status: 'unhealthy', failingStreak: 7 } as const;
    const health = afterProbe(checked, failed, result(0), 90_000);
    assert.deepEqual([health.status, health.failingStreak], ['healthy', 0]);
  });

  it('counts failures again once it was healthy, also within the start period', () => {
    const healthy = afterProbe(checked, initialHealth(), result(0), 1000);
    assert.equal(afterProbe(checked, healthy, result(1), 2000).failingStreak, 1);
  });

  it('keeps the last five results', () => {
    let health = initialHealth();
    for (let code = 1; code <= 7; code++) health = afterProbe(checked, health, result(code), 1);
    assert.deepEqual(
      health.log.map(({ ExitCode }) => ExitCode),
      [3, 4, 5, 6, 7],
    );
  });

  it('probes more often while it starts', () => {
    assert.equal(nextProbeIn(checked, 'starting', 1000), 1000);
    assert.equal(nextProbeIn(checked, 'starting', 60_000), 10_000);
    assert.equal(nextProbeIn(checked, 'healthy', 1000), 10_000);
  });
});
