import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppModel, Service } from './model.ts';
import { updatePolicy } from './update.ts';

const base: Service = {
  name: 'web',
  image: 'busybox',
  pullPolicy: 'missing',
  replicas: 1,
  dependsOn: [],
  networks: [{ network: 'default', aliases: [], priority: 0, linkLocal: [], driverOpts: {} }],
  ports: [],
  mounts: [],
  secrets: [],
  configs: [],
  container: {},
  host: {},
};

function policyOf(given: Partial<Service>, others: Service[] = []): ReturnType<typeof updatePolicy> {
  const service = { ...base, ...given };
  const services = Object.fromEntries([service, ...others].map((one) => [one.name, one]));
  const model: AppModel = { name: 'shop', services, networks: {}, volumes: {}, secrets: {}, configs: {} };
  return updatePolicy(model, service, 'update');
}

const data = { type: 'volume', source: 'data', target: '/data', readOnly: false } as const;
const port = { target: 80, protocol: 'tcp', hostIp: '', published: '8080' } as const;
const rules = (order?: 'start-first' | 'stop-first'): Pick<Service, 'deploy'> => ({
  deploy: { mode: 'replicated', labels: {}, update: order === undefined ? {} : { order } },
});

test('a new replica stands beside the former one unless something forbids it or the file says otherwise', () => {
  assert.equal(policyOf({}).order, 'start-first');
  assert.equal(policyOf({ ports: [port] }).order, 'start-first', 'the service holds its ports');
  assert.equal(policyOf({ ...rules() }).order, 'start-first');
  assert.equal(policyOf(rules('stop-first')).order, 'stop-first');
  assert.equal(policyOf({ mounts: [{ ...data, readOnly: true }] }).order, 'start-first');
  assert.equal(policyOf({ mounts: [data], replicas: 2 }).order, 'start-first', 'two write to it anyway');
});

test('what forbids two at once is named', () => {
  assert.match(policyOf({ mounts: [data] }).because ?? '', /write to the volume data at once/);
  const host = policyOf({ networks: [], networkMode: 'host' });
  assert.match(host.because ?? '', /host's network/);
  const fixed = {
    ...base.networks[0],
    network: 'back',
    aliases: [],
    priority: 0,
    linkLocal: [],
    driverOpts: {},
  };
  assert.match(
    policyOf({ networks: [{ ...fixed, ipv4: '10.0.0.9' }] }).because ?? '',
    /address in the network back/,
  );
  assert.match(
    policyOf({ networks: [], networkMode: 'bridge', ports: [port] }).because ?? '',
    /host's port 8080/,
  );
  const side = { ...base, name: 'side', networks: [], networkMode: 'service:web' };
  assert.match(policyOf({}, [side]).because ?? '', /shares a namespace with side/);
});

test('an order that is asked for wins over data that two would write, and not over what cannot be', () => {
  assert.equal(policyOf({ mounts: [data], update: { order: 'start-first' } }).order, 'start-first');
  assert.equal(policyOf({ mounts: [data], ...rules('start-first') }).order, 'start-first');
  assert.equal(
    policyOf({ networks: [], networkMode: 'host', update: { order: 'start-first' } }).order,
    'stop-first',
  );
});

test('blue-green is all at once, with the former replicas kept while the new ones are watched', () => {
  const { parallelism, monitor, order } = policyOf({ update: { strategy: 'blue-green' } });
  assert.deepEqual({ parallelism, monitor, order }, { parallelism: 0, monitor: 10, order: 'start-first' });
  const { parallelism: one, drain, failureAction } = policyOf({ update: { drain: 3 } });
  assert.deepEqual({ one, drain, failureAction }, { one: 1, drain: 3, failureAction: 'rollback' });
});
