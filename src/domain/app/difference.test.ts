import assert from 'node:assert/strict';
import { test } from 'node:test';
import { app, container, emptyWorld } from '../../../test/support/app-world.ts';
import { differences } from './difference.ts';
import { lineDifference } from './line-difference.ts';
import type { AppModel, Service } from './model.ts';
import { plan } from './plan.ts';
import { basisChanges, planId } from './plan-basis.ts';
import { servicePlans } from './service-plan.ts';
import { appTarget, type AppTarget } from './target.ts';

const service: Service = {
  name: 'web',
  image: 'img-a',
  pullPolicy: 'missing',
  replicas: 1,
  dependsOn: [],
  networks: [{ network: 'default', aliases: [], priority: 0, linkLocal: [], driverOpts: {} }],
  ports: [],
  mounts: [],
  secrets: [],
  configs: [{ source: 'settings', target: '/settings' }],
  container: { Env: ['TOKEN=hush-1', 'OLD=hush-2'], Cmd: ['serve', '--password=hush-3'] },
  host: { Memory: 64 * 1024 ** 2 },
};

function modelOf(given: Partial<Service>, content = 'a\nb\nc', more: Service[] = []): AppModel {
  const network = {
    name: `${app}_default`,
    external: false,
    driverOpts: {},
    internal: false,
    attachable: false,
  };
  const web = { ...service, ...given };
  return {
    name: app,
    services: Object.fromEntries([web, ...more].map((one) => [one.name, one])),
    networks: { default: { ...network, ipv6: false, labels: {}, pools: [] } },
    volumes: {},
    secrets: {},
    configs: { settings: { name: 'settings', from: { kind: 'content', content }, labels: {} } },
  };
}

const targetOf = (...model: Parameters<typeof modelOf>): AppTarget => appTarget(modelOf(...model), {});

test('every kind of change is named, with values only where they can be no secret', () => {
  const port = { target: 80, protocol: 'tcp' as const, hostIp: '', published: '8080' };
  const mount = { type: 'volume' as const, source: 'data', target: '/data', readOnly: true };
  const after = targetOf(
    {
      image: 'img-b',
      replicas: 3,
      container: { Env: ['TOKEN=hush-4', 'NEW=hush-5'], Cmd: ['serve', '--password=hush-6'] },
      host: { Memory: 128 * 1024 ** 2, CapAdd: ['NET_ADMIN'] },
      ports: [port],
      mounts: [mount],
      preStop: [{ command: ['bye', 'hush-7'], privileged: false, environment: [] }],
    },
    'a\nB\nc',
  );
  const { services } = differences(targetOf({}), after);
  assert.ok(!JSON.stringify(services).includes('hush'), 'a value was told');
  const told = services[0]?.differences.map(({ setting, key, kind, before, after: now, renews }) =>
    [setting, key, kind, before, now, renews ? 'renews' : 'stays']
      .filter((one) => one !== undefined)
      .join(' '),
  );
  assert.deepEqual(told?.sort(), [
    'cap_add changed renews',
    'command changed renews',
    'configs settings changed renews',
    'environment NEW added renews',
    'environment OLD removed renews',
    'environment TOKEN changed renews',
    'image changed img-a img-b renews',
    'memory limit changed 64 MiB 128 MiB renews',
    'ports 8080->80/tcp added stays',
    'pre_stop changed stays',
    'scale changed 1 3 stays',
    'volumes /data added volume data read-only renews',
  ]);
  assert.deepEqual(lineDifference('a\nb\nc', 'a\nB\nc'), [' a', '-b', '+B', ' c']);
  assert.deepEqual(differences(after, after), { services: [], shared: [] });
});

test('lines that are far from a difference are left out', () => {
  const lines = Array.from({ length: 20 }, (_, at) => String(at));
  const text = lines.join('\n');
  const changed = lines.toSpliced(10, 1).join('\n');
  assert.deepEqual(lineDifference(text, changed), ['...', ' 8', ' 9', '-10', ' 11', ' 12', '...']);
  assert.deepEqual(lineDifference('', 'a'), ['-', '+a']);
});

test('a plan says of each service what becomes of it, in which order, and what stays', () => {
  const idle = { ...service, name: 'db', configs: [] };
  const before = targetOf({}, 'a', [idle, { ...idle, name: 'old' }]);
  const after = targetOf({ container: { Env: ['TOKEN=other'] } }, 'a', [idle, { ...idle, name: 'new' }]);
  const observed = {
    ...emptyWorld(),
    images: { 'img-a': 'id-of-img-a' },
    networks: [{ name: `${app}_default`, app, hash: before.networks[0]?.hash ?? '' }],
    reaches: Object.fromEntries(before.services.map((one) => [one.name, one.reach?.hash])),
    containers: before.services.map(({ name, hash }) =>
      container({ id: name, service: name, name: `${app}-${name}-1`, hash, imageId: 'id-of-img-a' }),
    ),
  };
  const steps = plan(observed, after, { rebuild: false });
  const told = servicePlans(before, after, steps).map(({ service: name, action, order, made }) => [
    name,
    action,
    order ?? '',
    made,
  ]);
  assert.deepEqual(told, [
    ['web', 'replace', 'start-first', 1],
    ['db', 'keep', '', 0],
    ['new', 'create', '', 1],
    ['old', 'remove', '', 0],
  ]);
});

test('a plan’s id holds as long as what it was made from does; else it is said what changed', () => {
  const target = targetOf({});
  const running = container({ id: 'one', service: 'web', name: 'shop-web-1', health: 'starting' });
  const basis = { target, observed: { ...emptyWorld(), containers: [running] }, options: { rebuild: false } };
  const well = {
    ...basis,
    observed: { ...basis.observed, containers: [{ ...running, health: 'healthy' as const }] },
  };
  assert.equal(planId(well), planId(basis));
  assert.deepEqual(basisChanges(basis, well), []);
  const exited = { ...running, status: 'exited' as const };
  const images = { 'img-a': 'another' };
  const later = { ...basis, observed: { ...emptyWorld(), containers: [exited], images } };
  assert.notEqual(planId(later), planId(basis));
  assert.deepEqual(basisChanges(basis, later), [
    'on the host: the container shop-web-1 is another one, or is exited now',
    'on the host: the image img-a is there now',
  ]);
  const edited = { ...basis, target: targetOf({ container: { Env: ['TOKEN=x', 'OLD=hush-2'] } }) };
  assert.deepEqual(basisChanges(basis, edited), [
    'in the files: web: environment TOKEN changed, command changed',
  ]);
});
