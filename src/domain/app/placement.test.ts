import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProject } from '../../../test/support/compose.ts';
import { placementFaults } from './placement.ts';

const node = { id: 'n1', hostname: 'alpha', arch: 'amd64', labels: { disk: 'ssd' } };

function faults(...constraints: string[]): string[] {
  const text = `services: { web: { image: a, deploy: { placement: { constraints: ${JSON.stringify(constraints)} } } } }`;
  const { model, problems } = readProject({ 'compose.yaml': text });
  assert.deepEqual(problems, []);
  assert.ok(model);
  return placementFaults(model, node).map(({ message }) => message);
}

test('constraints that are true of this machine are no fault', () => {
  assert.deepEqual(
    faults(
      ...['node.hostname==alpha', 'node.platform.arch==x86_64', 'node.labels.disk == ssd', 'node.id!=n2'],
      ...['node.role==manager', 'node.platform.os==linux', 'engine.labels.gpu!=yes'],
    ),
    [],
  );
});

test('a constraint that is not true says what the machine has instead', () => {
  const of = 'but this machine, the only one, has';
  assert.deepEqual(faults('node.hostname==beta', 'node.labels.gpu==yes', 'node.labels.disk!=ssd'), [
    `the service web is to run where node.hostname==beta, ${of} node.hostname 'alpha'`,
    `the service web is to run where node.labels.gpu==yes, ${of} no node.labels.gpu`,
    `the service web is to run where node.labels.disk!=ssd, ${of} node.labels.disk 'ssd'`,
  ]);
});
