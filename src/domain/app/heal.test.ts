import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, ContainerState } from '#domain/container/container.ts';
import { newState } from '#domain/container/state.ts';
import { readProject } from '../../../test/support/compose.ts';
import { afterFailure, healingRule, isCrashLoop, nextTry, type Failures } from './failures.ts';
import { diagnose, type Diagnosis } from './heal.ts';
import { appTarget, type AppTarget } from './target.ts';

const now = Date.UTC(2026, 0, 1);

function targetOf(services: string): AppTarget {
  const { model, problems } = readProject({ 'compose.yaml': `name: shop\nservices:\n${services}` });
  assert.ok(model, JSON.stringify(problems));
  return appTarget(model, {});
}

function container(
  service: string,
  state: Partial<ContainerState>,
  more: Partial<Container> = {},
): Container {
  return {
    id: `id-${service}`,
    name: `shop-${service}-1`,
    created: '',
    imageId: '',
    imageName: '',
    platform: '',
    config: {},
    hostConfig: {},
    path: '',
    args: [],
    mounts: [],
    endpoints: [],
    ports: [],
    state: { ...newState(), ...state },
    identity: { app: 'shop', service, revision: 1, replica: 1 },
    ...more,
  };
}

function remedies(
  target: AppTarget,
  containers: Container[],
  failures: Record<string, Failures> = {},
): string[] & { diagnosis?: Diagnosis } {
  const diagnosis = diagnose({ target, containers, failures, now });
  const words: string[] & { diagnosis?: Diagnosis } = diagnosis.remedies.map((one) =>
    one.kind === 'create' ? `create ${one.service}` : `${one.kind} ${one.container.identity?.service ?? ''}`,
  );
  words.diagnosis = diagnosis;
  return words;
}

const plain = (words: string[]): string[] => [...words];
const web = targetOf('  web: { image: a }');

test('nothing is done for an app that is as wanted', () => {
  const { diagnosis } = remedies(web, [container('web', { status: 'running' })]);
  assert.deepEqual(diagnosis, { remedies: [], waiting: false });
});

test('what is missing, was never started, is dead or ended badly is brought back', () => {
  assert.deepEqual(plain(remedies(web, [])), ['create web']);
  assert.deepEqual(plain(remedies(web, [container('web', { status: 'created' })])), ['start web']);
  assert.deepEqual(plain(remedies(web, [container('web', { status: 'dead' })])), ['recreate web']);
  assert.deepEqual(plain(remedies(web, [container('web', { status: 'exited', exitCode: 1 })])), [
    'start web',
  ]);
});

test('what completed, what a person stopped, and what its own policy starts again is left alone', () => {
  const state = (given: Partial<ContainerState>, more: Partial<Container> = {}): string[] =>
    plain(remedies(web, [container('web', given, more)]));
  assert.deepEqual(state({ status: 'exited', exitCode: 0 }), []);
  assert.deepEqual(state({ status: 'exited', exitCode: 137, stoppedByUser: true }), []);
  assert.deepEqual(state({ status: 'restarting', exitCode: 1 }), []);
  assert.deepEqual(state({ status: 'paused' }), []);
  const always = { hostConfig: { RestartPolicy: { Name: 'always' as const } } };
  assert.deepEqual(state({ status: 'exited', exitCode: 0 }, always), ['start web']);
});

test('what a change stopped, and a crash then left so, runs again', () => {
  const stopped = { status: 'exited', exitCode: 0, stoppedByUser: true, stoppedForChange: true } as const;
  assert.deepEqual(plain(remedies(web, [container('web', stopped)])), ['start web']);
});

test('a job is not run again: neither one that failed nor one whose container was removed', () => {
  for (const job of ['restart: "no"', 'deploy: { mode: replicated-job }']) {
    const target = targetOf(`  job: { image: a, ${job} }`);
    assert.deepEqual(plain(remedies(target, [container('job', { status: 'exited', exitCode: 1 })])), []);
    assert.deepEqual(plain(remedies(target, [])), []);
  }
});

test('unhealthy is restarted unless another container stands for the replica; starting is not', () => {
  const health = (status: 'starting' | 'unhealthy'): Partial<ContainerState> => ({
    status: 'running',
    health: { status, failingStreak: 3, log: [] },
  });
  const sick = container('web', health('unhealthy'));
  assert.deepEqual(plain(remedies(web, [sick])), ['restart web']);
  assert.deepEqual(plain(remedies(web, [container('web', health('starting'))])), []);
  assert.deepEqual(plain(remedies(web, [sick, container('web', { status: 'running' })])), []);
});

test('what an interrupted change left is brought to an end', () => {
  const running = { status: 'running' } as const;
  const stopped = { status: 'exited', exitCode: 0, stoppedByUser: true, stoppedForChange: true } as const;
  const held = (state: Partial<ContainerState>): Container =>
    container('web', state, { id: 'new', traffic: 'held' });
  const draining = container('web', running, { traffic: 'draining' });
  assert.deepEqual(plain(remedies(web, [draining, container('web', running, { id: 'new' })])), [
    'retire web',
  ]);
  assert.deepEqual(plain(remedies(web, [held(running)])), ['admit web']);
  assert.deepEqual(
    plain(remedies(web, [held({ ...running, health: { status: 'starting', failingStreak: 0, log: [] } })])),
    [],
  );
  // What the record says is what was there before the change.
  assert.deepEqual(plain(remedies(web, [held(running), container('web', stopped)])), ['start web']);
  assert.deepEqual(plain(remedies(web, [held(running), container('web', running)])), []);
});

test('of a container with probes liveness decides, not readiness', () => {
  const probes = {
    liveness: {
      action: { kind: 'tcp', port: 80 } as const,
      ...{ initialDelay: 0, period: 1000, timeout: 1000, successThreshold: 1, failureThreshold: 3 },
    },
  };
  const down = { passing: false, streak: -3 };
  const failing = (state: NonNullable<ContainerState['probes']>): string[] =>
    plain(remedies(web, [container('web', { status: 'running', probes: state }, { probes })]));
  assert.deepEqual(failing({ readiness: down }), []);
  assert.deepEqual(failing({ liveness: down }), ['restart web']);
});

test('after a reboot each service starts once those that it depends on are as its condition says', () => {
  const target =
    targetOf(`  web: { image: a, depends_on: { db: { condition: service_healthy }, setup: { condition: service_completed_successfully } } }
  db: { image: a, healthcheck: { test: "true" } }
  setup: { image: a, restart: "no" }`);
  const lost = { status: 'exited', exitCode: 137 } as const;
  const setup = container('setup', { status: 'exited', exitCode: 0 });
  const first = remedies(target, [container('web', lost), container('db', lost), setup]);
  assert.deepEqual(plain(first), ['start db']);
  assert.equal(first.diagnosis?.waiting, true);
  const health = (status: 'starting' | 'healthy'): Partial<ContainerState> => ({
    status: 'running',
    health: { status, failingStreak: 0, log: [] },
  });
  assert.deepEqual(
    plain(remedies(target, [container('web', lost), container('db', health('starting'))])),
    [],
  );
  assert.deepEqual(plain(remedies(target, [container('web', lost), container('db', health('healthy'))])), [
    'start web',
  ]);
});

test('the first try comes at once, later ones after 10 seconds, doubling up to 5 minutes', () => {
  const rule = healingRule(undefined);
  let failures: Failures | undefined;
  const waits: number[] = [];
  for (let count = 1; count <= 9; count += 1) {
    failures = afterFailure(rule, failures, { seen: String(count), at: now, ranFor: 1000 });
    waits.push(Math.max(0, nextTry(rule, failures) - now) / 1000);
  }
  assert.deepEqual(waits, [0, 10, 20, 40, 80, 160, 300, 300, 300]);
  const dead = [container('web', { status: 'exited', exitCode: 1 })];
  const { diagnosis } = remedies(web, dead, { 'web/1': { count: 3, last: now - 5000, seen: '' } });
  assert.deepEqual(diagnosis, { remedies: [], lookAt: now + 15_000, waiting: true });
  assert.deepEqual(plain(remedies(web, dead, { 'web/1': { count: 3, last: now - 20_000, seen: '' } })), [
    'start web',
  ]);
});

test('a run that was long enough counts as well; too many failures open the breaker, which ends all trying', () => {
  const rule = healingRule({ condition: 'any', maxAttempts: 2, window: 60 });
  let failures: Failures | undefined;
  const fail = (ranFor: number): boolean => {
    failures = afterFailure(rule, failures, { seen: '', at: now, ranFor });
    return isCrashLoop(rule, failures);
  };
  assert.deepEqual(
    [fail(1000), fail(1000), fail(60_000), fail(1000), fail(1000)],
    [false, false, false, false, true],
  );
  const open = { 'web/1': { count: 3, last: now, seen: '', open: { reason: 'it ended', log: [] } } };
  const { diagnosis } = remedies(web, [container('web', { status: 'exited', exitCode: 1 })], open);
  assert.deepEqual(diagnosis, { remedies: [], waiting: false });
});
