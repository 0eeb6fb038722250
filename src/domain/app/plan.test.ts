import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKind } from '#base/errors.ts';
import type { AppModel, Service } from './model.ts';
import { dependencyOrder } from './order.ts';
import type { ObservedApp } from './observed.ts';
import { plan } from './plan.ts';
import { changeReason } from './reasons.ts';
import { appTarget } from './target.ts';

function service(name: string, given: Partial<Service> = {}): Service {
  const networks = [{ network: 'default', aliases: [], priority: 0, linkLocal: [], driverOpts: {} }];
  return {
    name,
    image: 'redis:7',
    pullPolicy: 'missing',
    replicas: 1,
    dependsOn: [],
    networks,
    ports: [],
    mounts: [],
    secrets: [],
    configs: [],
    container: {},
    host: {},
    ...given,
  };
}

function model(...services: Service[]): AppModel {
  const shared = { driverOpts: {}, labels: {} };
  return {
    name: 'shop',
    services: Object.fromEntries(services.map((one) => [one.name, one])),
    networks: {
      default: {
        ...shared,
        name: 'shop_default',
        external: false,
        internal: false,
        attachable: false,
        ipv6: false,
        pools: [],
      },
    },
    volumes: { data: { ...shared, name: 'shop_data', external: false } },
    secrets: {},
    configs: {},
  };
}

const nothing: ObservedApp = {
  containers: [],
  networks: [],
  volumes: [],
  images: {},
  imageIds: new Set(),
  probedImages: new Set(),
  fresh: new Set(),
  reaches: {},
  last: {},
};

/** But for the places of services, which have a test of their own. */
const kinds = (services: Service[], observed = nothing): string[] =>
  plan(observed, appTarget(model(...services), {}), { rebuild: false })
    .filter(({ kind }) => kind !== 'place-service')
    .map((step) => ('name' in step ? `${step.kind} ${step.name}` : `${step.kind} ${step.service}`));

test('a first start makes everything in order of need, each image once', () => {
  const web = service('web', {
    dependsOn: [{ service: 'db', condition: 'healthy', required: true, restart: false }],
  });
  const db = service('db', { container: { Healthcheck: { Test: ['CMD', 'ok'] } } });
  assert.deepEqual(kinds([web, db]), [
    'pull-image db',
    'create-network shop_default',
    'create-volume shop_data',
    'create-container shop-db-1',
    'start-container shop-db-1',
    'wait-healthy db',
    'create-container shop-web-1',
    'start-container shop-web-1',
    'wait-started web',
  ]);
});

test('an image that one service builds is built once, and pulled for none of those that use it', () => {
  const none = { args: {}, labels: {}, tags: [], extraHosts: [], noCache: false, pull: false };
  const build = { context: '/shop', dockerfile: 'Dockerfile', ...none };
  const image = 'shop-app';
  const services = [
    service('migrate', { image, build }),
    service('web', { image, build }),
    service('worker', { image, pullPolicy: 'never' }),
  ];
  const images = kinds(services).filter((step) => step.includes('image'));
  assert.deepEqual(images, ['build-image migrate']);
});

test('a change is told by the names of what changed, never by values', () => {
  const before = service('web', { container: { Env: ['URL=secret-1', 'OLD=x'], User: '1' } });
  const after = service('web', {
    image: 'redis:8',
    container: { Env: ['URL=secret-2', 'NEW=y'], User: '2' },
  });
  const [from] = appTarget(model(before), {}).services;
  const [to] = appTarget(model(after), {}).services;
  assert.ok(from !== undefined && to !== undefined);
  const last = { hash: from.hash, settings: from.settings, buildFingerprint: '', dependsOn: [] };
  const reason = changeReason(from.hash, last, to);
  for (const part of [
    'environment URL changed',
    'environment OLD removed',
    'environment NEW added',
    'user changed',
    'image changed from redis:7 to redis:8',
  ])
    assert.ok(reason.includes(part), `'${part}' is missing in '${reason}'`);
  assert.ok(!reason.includes('secret'));
  assert.equal(changeReason('another', last, to), 'the configuration changed');
});

test('networks with other settings, missing external ones and images that may not be pulled stop the plan', () => {
  const wanted = [service('web')];
  const changed = { ...nothing, networks: [{ name: 'shop_default', app: 'shop', hash: 'other' }] };
  assert.throws(
    () => kinds(wanted, changed),
    (error) => isKind(error, 'conflict') && error.code === 'app-network-changed',
  );
  const foreign = model(...wanted);
  foreign.volumes = { data: { name: 'far', external: true, driverOpts: {}, labels: {} } };
  assert.throws(
    () => plan(nothing, appTarget(foreign, {}), { rebuild: false }),
    (error) => isKind(error, 'not-found') && error.code === 'app-external-missing',
  );
  assert.throws(
    () => kinds([service('web', { pullPolicy: 'never' })]),
    (error) => isKind(error, 'not-found') && error.code === 'app-image-missing',
  );
});

test('a service that joins the namespace of another comes after it and names its container', () => {
  const sidecar = service('a', { networks: [], networkMode: 'service:z' });
  const target = appTarget(model(sidecar, service('z')), {});
  assert.deepEqual(
    target.services.map((one) => one.name),
    ['z', 'a'],
  );
  assert.equal(target.services[1]?.replicas[0]?.request.hostConfig.NetworkMode, 'container:shop-z-1');
});

test('replicas outside of the app’s networks take the ports of a range one after the other, and no more than there are', () => {
  const outside = { networkMode: 'bridge', networks: [] };
  const ports = [{ target: 80, protocol: 'tcp' as const, hostIp: '', published: '8080-8081' }];
  const replicas =
    appTarget(model(service('web', { ...outside, ports, replicas: 2 })), {}).services[0]?.replicas ?? [];
  assert.deepEqual(
    replicas.map((one) => one.request.hostConfig.PortBindings?.['80/tcp']?.[0]?.HostPort),
    ['8080', '8081'],
  );
  assert.throws(
    () => appTarget(model(service('web', { ...outside, ports, replicas: 3 })), {}),
    /replica 3 has no port left/,
  );
});

test('a circle is given with its members', () => {
  assert.deepEqual(dependencyOrder({ a: ['b'], b: ['c'], c: ['b'] }), { cycle: ['b', 'c', 'b'] });
  assert.deepEqual(dependencyOrder({ a: ['b', 'gone'], b: [] }), { order: ['b', 'a'] });
});

test('a service gets its place after the networks and before its containers; one that goes gives its place up first', () => {
  const networks = [
    { network: 'default', aliases: [], priority: 0, linkLocal: [], driverOpts: {} },
    { network: 'out', aliases: ['www'], priority: 0, linkLocal: [], driverOpts: {}, gatewayPriority: 5 },
  ];
  const ports = [{ target: 80, protocol: 'tcp' as const, hostIp: '', published: '8080', name: 'http' }];
  const target = appTarget(model(service('web', { networks, ports, replicas: 2 })), {});
  const [web] = target.services;
  assert.ok(web?.reach !== undefined);
  assert.deepEqual(
    web.reach.networks.map((one) => one.aliases),
    [['www'], []],
    'the one that leads outside first',
  );
  assert.deepEqual(web.reach.portNames, [{ name: 'http', port: 80, protocol: 'tcp' }]);
  assert.equal(web.replicas[0]?.request.hostConfig.PortBindings, undefined);
  const steps = (observed: ObservedApp): string[] =>
    plan(observed, target, { rebuild: false }).map(({ kind }) => kind);
  const first = steps({ ...nothing, images: { 'redis:7': 'i' }, reaches: { old: 'x', web: 'x' } });
  assert.deepEqual(first.slice(1, 5), [
    'create-volume',
    'withdraw-service',
    'place-service',
    'create-container',
  ]);
  const settled = steps({ ...nothing, images: { 'redis:7': 'i' }, reaches: { web: web.reach.hash } });
  assert.equal(settled.includes('place-service'), false);
});
