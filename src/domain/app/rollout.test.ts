import assert from 'node:assert/strict';
import { test } from 'node:test';
import { app, container, emptyWorld } from '../../../test/support/app-world.ts';
import type { AppModel, Service } from './model.ts';
import type { ObservedContainer } from './observed.ts';
import { plan } from './plan.ts';
import type { Step } from './step.ts';
import { appTarget } from './target.ts';

const service: Service = {
  name: 'web',
  image: 'img-a',
  pullPolicy: 'missing',
  replicas: 2,
  dependsOn: [],
  networks: [],
  ports: [],
  mounts: [],
  secrets: [],
  configs: [],
  container: { Healthcheck: { Test: ['CMD', 'ok'] } },
  host: {},
};

function words(step: Step): string {
  if (step.kind === 'shift-traffic') return `shift to ${step.to.join('+')} from ${step.from.join('+')}`;
  if (step.kind === 'wait-ready' || step.kind === 'wait-monitored')
    return `${step.kind} ${step.names.join('+')}`;
  if (step.kind === 'wait-drained') return `${step.kind} ${step.containers.join('+')}`;
  return 'name' in step ? `${step.kind} ${step.name}` : step.kind;
}

function modelOf(web: Service): AppModel {
  return { name: app, services: { web }, networks: {}, volumes: {}, secrets: {}, configs: {} };
}

function stepsOf(given: Partial<Service>, containers: Partial<ObservedContainer>[]): string[] {
  const web = { ...service, ...given };
  const observed = {
    ...emptyWorld(),
    images: { 'img-a': 'id-of-img-a' },
    containers: containers.map((one, at) => container({ id: `old${at + 1}`, service: 'web', ...one })),
  };
  return plan(observed, appTarget(modelOf(web), {}), { rebuild: false }).map(words);
}

const old = [
  { name: 'shop-web-1', replica: 1, health: 'healthy' as const },
  { name: 'shop-web-2', replica: 2, health: 'healthy' as const },
];

test('replicas are replaced one by one, each first made ready beside the former one', () => {
  assert.deepEqual(stepsOf({}, old), [
    'create-container shop-web-1-next',
    'start-container shop-web-1-next',
    'wait-ready shop-web-1-next',
    'shift to shop-web-1-next from old1',
    'wait-drained old1',
    'stop-container shop-web-1',
    'create-container shop-web-2-next',
    'start-container shop-web-2-next',
    'wait-ready shop-web-2-next',
    'shift to shop-web-2-next from old2',
    'wait-drained old2',
    'stop-container shop-web-2',
    'remove-container shop-web-1',
    'remove-container shop-web-2',
    'rename-container shop-web-1',
    'rename-container shop-web-2',
  ]);
});

test('blue-green switches all at once and keeps the former ones while the new are watched', () => {
  assert.deepEqual(stepsOf({ update: { strategy: 'blue-green', drain: 0 } }, old).slice(4, 9), [
    'wait-ready shop-web-1-next+shop-web-2-next',
    'shift to shop-web-1-next+shop-web-2-next from old1+old2',
    'wait-monitored shop-web-1-next+shop-web-2-next',
    'stop-container shop-web-1',
    'stop-container shop-web-2',
  ]);
});

test('stop-first drains the former one of several before it is replaced', () => {
  assert.deepEqual(stepsOf({ update: { order: 'stop-first' } }, old).slice(0, 6), [
    'shift to  from old1',
    'wait-drained old1',
    'replace-container shop-web-1',
    'start-container shop-web-1',
    'wait-ready shop-web-1',
    'shift to shop-web-1 from ',
  ]);
});

test('an update that was cut off is gone on with where it stopped', () => {
  const [{ hash } = { hash: '' }] = appTarget(modelOf({ ...service, replicas: 1 }), {}).services;
  const next = { id: 'new1', name: 'shop-web-1-next', replica: 1, hash, health: 'starting' as const };
  assert.deepEqual(stepsOf({ replicas: 1 }, [old[0] ?? {}, { ...next, traffic: 'held' }]), [
    'wait-ready shop-web-1-next',
    'shift to shop-web-1-next from old1',
    'wait-drained old1',
    'stop-container shop-web-1',
    'remove-container shop-web-1',
    'rename-container shop-web-1',
  ]);
  const failed = stepsOf({ replicas: 1 }, [old[0] ?? {}, { ...next, traffic: 'held', health: 'unhealthy' }]);
  assert.deepEqual(failed.slice(0, 3), [
    'stop-container shop-web-1-next',
    'remove-container shop-web-1-next',
    'create-container shop-web-1-next',
  ]);
});
