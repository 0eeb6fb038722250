import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitingFor, type Needs } from './concurrency.ts';
import type { Step } from './step.ts';

const create = (service: string, replica = 1): Step => ({
  kind: 'create-container',
  service,
  replica,
  name: `${service}-${replica}`,
  reason: '',
});
const start = (service: string, replica = 1): Step => ({
  kind: 'start-container',
  service,
  name: `${service}-${replica}`,
  reason: '',
});
const healthy = (service: string): Step => ({ kind: 'wait-healthy', service, reason: '' });
const remove = (service: string): Step => ({
  kind: 'remove-container',
  service,
  name: service,
  container: service,
  reason: '',
});
const network: Step = { kind: 'create-network', network: 'default', name: 'app_default', reason: '' };

const needs: Needs = new Map([
  ['web', new Set(['db'])],
  ['db', new Set()],
  ['other', new Set()],
]);

test('services that do not need each other go on beside each other; one that needs another waits for it', () => {
  const steps = [
    network,
    create('db'),
    start('db'),
    create('other'),
    healthy('db'),
    create('web'),
    start('web'),
  ];
  assert.deepEqual(waitingFor(steps, needs), [
    [],
    [0],
    [1, 0],
    [0],
    [2, 1, 0],
    [4, 2, 1, 0],
    [5, 4, 2, 1, 0],
  ]);
});

test('replicas start beside each other, each after it was made; what follows for the service waits for all', () => {
  const steps = [create('db', 1), create('db', 2), start('db', 1), start('db', 2), healthy('db')];
  assert.deepEqual(waitingFor(steps, needs), [[], [], [0], [1], [3, 2, 1, 0]]);
});

test('nothing is removed before all else has come to its end', () => {
  const steps = [start('db'), healthy('other'), remove('db'), remove('other')];
  assert.deepEqual(waitingFor(steps, needs), [[], [], [1, 0], [1, 0]]);
});

test('containers of one wave stop at once, those of the next after them', () => {
  const stop = (service: string, wave: number): Step => ({
    kind: 'stop-container',
    service,
    name: service,
    container: service,
    wave,
    reason: '',
  });
  assert.deepEqual(waitingFor([stop('web', 0), stop('other', 0), stop('db', 1)], needs), [[], [], [1, 0]]);
});
