import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide, type DecisionInput } from './decide.ts';
import { floorAt } from './floor.ts';
import { standardDown, standardUp, type Autoscale } from './model.ts';
import { paceLimits } from './pace.ts';
import { propose, type ReplicaMeasurement } from './proposal.ts';

const rules: Autoscale = {
  min: 1,
  max: 10,
  tolerance: 0.1,
  up: standardUp,
  down: standardDown,
  schedule: [],
};

const cpu = (target: number, ...values: (number | undefined | 'unready')[]): ReplicaMeasurement => ({
  kind: 'replicas',
  metric: 'cpu',
  target,
  missingAs: 100,
  samples: values.map((value) =>
    value === 'unready' ? { isReady: false, value: 0 } : { isReady: true, value },
  ),
});

const input = (changes: Partial<DecisionInput>): DecisionInput => ({
  ...{ rules, current: 3, measurements: [], recommendations: [], events: [], now: 1_000_000 },
  ...changes,
});

const replicas = (measurement: ReplicaMeasurement, current: number): number | undefined =>
  propose(measurement, current, 0.1).replicas;

test('as many are proposed as bring the mean to its target, and none more for a small difference', () => {
  assert.equal(replicas(cpu(100, 200, 200, 200), 3), 6);
  assert.equal(replicas(cpu(100, 50, 50, 50), 3), 2);
  assert.equal(replicas(cpu(100, 109, 110, 105), 3), 3);
  assert.equal(replicas(cpu(100, 91, 90, 92), 3), 3);
});

test('who has no reading is taken for idle on the way up and for busy on the way down', () => {
  assert.equal(replicas(cpu(50, 100, 100, undefined), 3), 4);
  assert.equal(replicas(cpu(50, 20, 20, undefined), 3), 3);
  assert.equal(replicas(cpu(50, 60, 60, undefined), 3), 3);
  assert.equal(propose(cpu(50, undefined, undefined), 2, 0.1).replicas, undefined);
});

test('who is not ready dampens the way up and does not count on the way down', () => {
  assert.equal(replicas(cpu(50, 150, 'unready', 'unready'), 3), 3);
  assert.equal(replicas(cpu(50, 300, 'unready'), 2), 6);
  assert.equal(replicas(cpu(50, 10, 10, 'unready'), 3), 1);
});

test('requests of a service are shared out over its replicas', () => {
  const total = (value: number) => propose({ kind: 'total', metric: 'in_flight', target: 10, value }, 3, 0.1);
  assert.deepEqual([total(95).replicas, total(31).replicas, total(0).replicas], [10, 3, 0]);
  assert.equal(total(95).formula, 'ceil(95 / 10) = 10');
});

test('a value of the whole service scales the ready replicas', () => {
  const queue = { kind: 'value', metric: 'queue', target: 20, value: 50, ready: 2 } as const;
  assert.equal(propose(queue, 2, 0.1).replicas, 5);
  assert.equal(propose({ ...queue, value: 21 }, 2, 0.1).replicas, 2);
});

test('the metric that asks for most decides, and one that is not known forbids to have fewer', () => {
  const low = cpu(100, 20, 20, 20);
  const high = { kind: 'total', metric: 'in_flight', target: 1, value: 5 } as const;
  assert.equal(decide(input({ measurements: [low, high] })).replicas, 5);
  const unknown = { ...high, value: undefined };
  const { replicas: kept, limits } = decide(input({ measurements: [low, unknown] }));
  assert.equal(kept, 3);
  assert.deepEqual(limits, [
    'in_flight could not be measured',
    'there are not fewer as long as a metric is not known',
  ]);
});

test('fewer are wanted for the whole window before there are fewer', () => {
  const measurements = [cpu(100, 20, 20, 20)];
  const now = 1_000_000;
  const busy = [{ at: now - 299_000, replicas: 3 }];
  const held = decide(input({ measurements, recommendations: busy, now }));
  assert.equal(held.replicas, 3);
  assert.deepEqual(held.limits, ['within the last 300 s 3 were asked for']);
  assert.equal(decide(input({ measurements, recommendations: busy, now: now + 2000 })).replicas, 1);
});

test('the policies say how many may come and go in a period', () => {
  const now = 100_000;
  const limits = (events: { at: number; change: number }[]) => paceLimits(4, events, rules, now);
  assert.deepEqual(limits([]), { most: 8, fewest: 0 });
  assert.deepEqual(limits([{ at: now - 14_000, change: 3 }]), { most: 5, fewest: 0 });
  const down = { window: 0, policies: [{ kind: 'pods', value: 1, period: 60 } as const] };
  const slow = { ...rules, down };
  assert.equal(paceLimits(4, [], slow, now).fewest, 3);
  assert.equal(paceLimits(4, [{ at: now - 59_000, change: -1 }], slow, now).fewest, 4);
  assert.equal(paceLimits(4, [], { ...rules, up: { window: 0, policies: [] } }, now).most, 4);
});

test('nothing goes beyond the room of the machine, and it is said what is missing', () => {
  const room = { most: 4, missing: '512 MiB of memory are missing' };
  const { replicas: count, limits } = decide(input({ measurements: [cpu(100, 300, 300, 300)], room }));
  assert.equal(count, 4);
  assert.ok(limits.includes('the machine has room for 4: 512 MiB of memory are missing'), limits.join());
});

test('a lack of room takes nothing away that runs', () => {
  const room = { most: 1, missing: 'memory' };
  assert.equal(decide(input({ measurements: [cpu(100, 100, 100, 100)], room })).replicas, 3);
});

test('a schedule raises the minimum for its time', () => {
  const schedule = [{ cron: '0 8 * * 1-5', timezone: 'Europe/Berlin', min: 4, for: 3600 }];
  const at = (time: string): number => floorAt({ min: 1, max: 10, schedule }, Date.parse(time)).replicas;
  assert.equal(at('2026-01-05T06:59:59Z'), 1);
  assert.equal(at('2026-01-05T07:00:00Z'), 4);
  assert.equal(at('2026-01-05T07:59:59Z'), 4);
  assert.equal(at('2026-01-05T08:00:01Z'), 1);
  assert.equal(at('2026-01-04T07:30:00Z'), 1);
});
