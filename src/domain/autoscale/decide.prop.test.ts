import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decide } from './decide.ts';
import { standardDown, standardUp, type Autoscale, type ScalingPolicy } from './model.ts';
import { paceLimits, stabilized } from './pace.ts';
import { propose, type ReplicaSample } from './proposal.ts';

const samples = fc.array(
  fc.record<ReplicaSample>({
    isReady: fc.boolean(),
    value: fc.option(fc.integer({ min: 0, max: 400 }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 12 },
);

function grouped(pods: readonly ReplicaSample[]) {
  const metrics = new Map<number, number>();
  const missing: number[] = [];
  const unready: number[] = [];
  pods.forEach(({ isReady, value }, pod) => {
    if (!isReady) unready.push(pod);
    else if (value === undefined) missing.push(pod);
    else metrics.set(pod, value);
  });
  return { metrics, missing, unready };
}

const inexact = 1e-9;
const tolerated = (ratio: number): boolean => ratio >= 0.9 - inexact && ratio <= 1.1 + inexact;
const ceil = (value: number): number => Math.max(0, Math.ceil(value - inexact));

/** Kubernetes' replica_calculator.go, GetRawResourceReplicas, told step by step as it is published. */
function published(pods: readonly ReplicaSample[], current: number, target: number): number | undefined {
  const { metrics, missing, unready } = grouped(pods);
  const readyCount = metrics.size;
  if (readyCount === 0) return undefined;
  const ratioOf = (): number => [...metrics.values()].reduce((a, b) => a + b, 0) / (metrics.size * target);
  const before = ratioOf();
  const scaleUpWithUnready = unready.length > 0 && before > 1;
  if (!scaleUpWithUnready && missing.length === 0)
    return tolerated(before) ? current : ceil(before * readyCount);
  const fallback = before < 1 ? target : 0;
  if (before !== 1) for (const pod of missing) metrics.set(pod, fallback);
  if (scaleUpWithUnready) for (const pod of unready) metrics.set(pod, 0);
  const after = ratioOf();
  return settled(before, after, current, ceil(after * metrics.size));
}

function settled(before: number, after: number, current: number, count: number): number {
  const turned = (before < 1 && after > 1) || (before > 1 && after < 1);
  if (tolerated(after) || turned) return current;
  const wrongWay = (after < 1 && count > current) || (after > 1 && count < current);
  return wrongWay ? current : count;
}

test('one metric asks for what the published algorithm computes', () => {
  fc.assert(
    fc.property(samples, fc.integer({ min: 1, max: 200 }), (pods, target) => {
      const measurement = {
        kind: 'replicas',
        metric: 'm',
        target,
        missingAs: target,
        samples: pods,
      } as const;
      const { replicas } = propose(measurement, pods.length, 0.1);
      const expected = published(pods, pods.length, target);
      assert.equal(replicas, expected, `${JSON.stringify(pods)} with the target ${target}`);
    }),
  );
});

const policies = fc.array(
  fc.record<ScalingPolicy>({
    kind: fc.constantFrom('percent' as const, 'pods' as const),
    value: fc.integer({ min: 1, max: 150 }),
    period: fc.integer({ min: 1, max: 120 }),
  }),
  { minLength: 1, maxLength: 3 },
);
const rulesOf = fc.record({ window: fc.integer({ min: 0, max: 300 }), policies });
const ago = fc.integer({ min: 0, max: 400_000 });
const history = fc.array(fc.record({ at: ago, replicas: fc.integer({ min: 1, max: 30 }) }), {
  maxLength: 20,
});
const changes = fc.array(fc.record({ at: ago, change: fc.integer({ min: -5, max: 5 }) }), { maxLength: 10 });

test('windows and policies are those of the published algorithm', () => {
  const count = fc.integer({ min: 1, max: 30 });
  fc.assert(
    fc.property(
      count,
      count,
      history,
      changes,
      rulesOf,
      rulesOf,
      (current, desired, past, events, up, down) => {
        const now = 400_000;
        let [upward, downward] = [desired, desired];
        for (const { at, replicas } of past) {
          if (at > now - up.window * 1000) upward = Math.min(replicas, upward);
          if (at > now - down.window * 1000) downward = Math.max(replicas, downward);
        }
        let calm = current;
        if (calm < upward) calm = upward;
        if (calm > downward) calm = downward;
        assert.equal(stabilized(desired, current, past, { up, down }, now), calm);
        let [most, fewest] = [-Infinity, Infinity];
        const inPeriod = (seconds: number, sign: number): number =>
          events
            .filter((one) => one.at > now - seconds * 1000 && Math.sign(one.change) === sign)
            .reduce((sum, one) => sum + Math.abs(one.change), 0);
        for (const { kind, value, period } of up.policies) {
          const start = current - inPeriod(period, 1) + inPeriod(period, -1);
          most = Math.max(most, kind === 'pods' ? start + value : Math.ceil(start * (1 + value / 100)));
        }
        for (const { kind, value, period } of down.policies) {
          const start = current + inPeriod(period, -1) - inPeriod(period, 1);
          fewest = Math.min(fewest, kind === 'pods' ? start - value : Math.trunc(start * (1 - value / 100)));
        }
        const expected = { most: Math.max(most, current), fewest: Math.min(fewest, current) };
        assert.deepEqual(paceLimits(current, events, { up, down }, now), expected);
      },
    ),
  );
});

test('no decision leaves its bounds, and every number that differs from the recommended one has a reason', () => {
  const bounds = fc.tuple(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 0, max: 20 }));
  fc.assert(
    fc.property(
      samples,
      bounds,
      fc.integer({ min: 0, max: 30 }),
      history,
      changes,
      (pods, [min, more], most, past, events) => {
        const rules: Autoscale = {
          ...{ min, max: min + more, tolerance: 0.1, schedule: [] },
          ...{ up: standardUp, down: standardDown },
        };
        const current = pods.length;
        const measurement = {
          kind: 'replicas',
          metric: 'm',
          target: 100,
          missingAs: 100,
          samples: pods,
        } as const;
        const decision = decide({
          ...{ rules, current, measurements: [measurement], recommendations: past, events },
          ...{ room: { most, missing: 'memory' }, now: 400_000 },
        });
        const { replicas, recommended, limits, pace } = decision;
        assert.ok(replicas <= rules.max, 'more than max');
        assert.ok(replicas >= Math.min(min, Math.max(current, most)), 'fewer than min though there is room');
        assert.ok(replicas <= Math.max(current, most), 'more than there is room for');
        assert.ok(replicas <= Math.max(pace.most, min), 'faster up than the policies allow');
        assert.ok(replicas >= Math.min(pace.fewest, rules.max), 'faster down than the policies allow');
        assert.ok(limits.length > 0 || replicas === (recommended ?? current), 'a limit that is not told');
      },
    ),
  );
});
