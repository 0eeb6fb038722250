import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts';
import type { AppModel } from '#domain/app/model.ts';
import { standardShape, type IngressEntry } from '#domain/ingress/model.ts';
import type { ServiceEndpoint, ServiceFollower } from '#engine/contracts/services.ts';
import { Seals } from '#engine/secrets/seals.ts';
import type { Certificate } from '#ports/certificates.ts';
import { FakeBalancer } from '../../../test/support/fake-balancer.ts';
import { Certificates } from './certificates.ts';
import { Ingress } from './ingress.ts';

const day = 86_400_000;

function endpoint(containerId: string, ipAddress: string): ServiceEndpoint {
  const place = { networkId: 'n', networkName: 'net', endpointId: 'e', request: {}, interfaceName: 'eth0' };
  const address = { macAddress: '', ipAddress, prefixLength: 16, gateway: '', dnsNames: [] };
  const six = { ip6Address: '', ip6PrefixLength: 0, ip6Gateway: '' };
  return {
    containerId,
    containerName: '',
    replica: 1,
    revision: 1,
    endpoints: [{ ...place, ...address, ...six }],
  };
}

function model(name: string, changes: Partial<IngressEntry> = {}): AppModel {
  const entry: IngressEntry = {
    ...{ host: 'a.test', path: '/', exact: false, priority: 0, port: 80, tls: 'off', redirect: true },
    ...{ acceptProxy: false, shape: standardShape, at: `${name}.yaml:1` },
    ...changes,
  };
  const lists = { dependsOn: [], networks: [], ports: [], mounts: [], secrets: [], configs: [] };
  const web: AppModel['services'][string] = {
    ...{ name: 'web', pullPolicy: 'missing', replicas: 1, container: {}, host: {}, ingress: [entry] },
    ...lists,
  };
  return { name, services: { web }, networks: {}, volumes: {}, secrets: {}, configs: {} };
}

/** An ingress with two ready replicas of every service, whose clock stands until `pass` moves it. */
function room(obtain: () => Promise<Certificate> = () => Promise.reject(new Error('nobody answers'))) {
  const balancer = new FakeBalancer();
  const sleeps: { until: number; wake: () => void }[] = [];
  const time = { now: 0 };
  const clock = {
    now: () => time.now,
    timestamp: () => '',
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((wake) => {
        sleeps.push({ until: time.now + ms, wake });
        signal?.addEventListener('abort', () => wake());
      }),
  };
  const local = {
    create: () => Promise.resolve('authority'),
    issue: (_authority: string, host: string) =>
      Promise.resolve({
        pem: `local ${host}`,
        notBefore: time.now,
        notAfter: time.now + 300 * day,
        issuer: 'local',
      }),
  };
  const reports: string[] = [];
  const report = (problem: string, error: unknown): void => void reports.push(`${problem}: ${String(error)}`);
  const acme = { directory: 'https://acme.test', email: '', agree: true };
  const keyring = { master: new Uint8Array(32), digest: new Uint8Array(32) };
  const seals = new Seals({ use: (work) => Promise.resolve(work(keyring)) });
  const secrets = {
    value: ({ version }: { version: number }) =>
      version === 2
        ? Promise.reject(new Error('locked'))
        : Promise.resolve(Buffer.from(`ann:pw${version}\n`)),
  };
  const certificates = new Certificates({
    ...{ store: new SqliteStateStore(':memory:'), clock, balancer, local, report, settings: acme },
    acme: { createKey: () => Promise.resolve('key'), issue: obtain },
    files: {
      read: () => Promise.reject(new Error('no files here')),
      describe: (pem) => ({ pem, notBefore: 0, notAfter: day, issuer: 'before' }),
      pair: (chain, key) => {
        if (chain.text !== key.text) throw new Error(`${chain.name} and ${key.name} are no pair`);
        return { pem: `own ${chain.text}`, names: ['a.test'], notBefore: 0, notAfter: 10 * day, issuer: 'x' };
      },
    },
    secrets: { ...secrets, seals },
  });
  const ports = { addresses: [], httpPort: 80, httpsPort: 443, trustedProxies: [], accessLog: false };
  const ingress = new Ingress({
    ...{ clock, balancer, certificates, secrets, report },
    settings: { ...ports, acme },
  });
  const ready = [endpoint('one', '10.0.0.1'), endpoint('two', '10.0.0.2')];
  const draining: ServiceEndpoint[] = [];
  let follower: ServiceFollower = { apply: () => Promise.resolve() };
  const services = {
    ready: () => ready,
    draining: () => draining,
    follow: (given: ServiceFollower) => void (follower = given),
  };
  const pass = async (ms: number): Promise<void> => {
    time.now += ms;
    for (const { until, wake } of sleeps) if (until <= time.now) wake();
    // What was woken runs before the next turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    ...{ balancer, ingress, reports, ready, draining, services, pass, sleeps },
    tell: () => follower.apply('shop', 'web', ready),
  };
}

test('an app is served with its ready replicas, and followed', async () => {
  const { ingress, balancer, services, ready, tell } = room();
  await ingress.start(services, []);
  await ingress.assign(model('shop'));
  const addresses = (): string[] => (balancer.servers.get('shop:web:80') ?? []).map((one) => one.address);
  assert.deepEqual(addresses(), ['10.0.0.1', '10.0.0.2']);
  ready.pop();
  await tell();
  assert.deepEqual(addresses(), ['10.0.0.1']);
  assert.equal(ingress.list()[0]?.ready, 1);
  await ingress.remove('shop');
  assert.deepEqual(balancer.table.listeners, []);
});

test('clients that are bound to a replica keep it while it drains, others do not', async () => {
  const { ingress, balancer, services, draining } = room();
  draining.push(endpoint('old', '10.0.0.9'));
  await ingress.start(services, [
    model('shop'),
    model('stay', { host: 'b.test', shape: { ...standardShape, sticky: 'c' } }),
  ]);
  const of = (app: string): string[] =>
    [...balancer.servers].flatMap(([name, servers]) =>
      name.startsWith(app)
        ? servers.map(({ id, draining: leaves }) => `${id}${leaves === true ? ' drains' : ''}`)
        : [],
    );
  assert.deepEqual(of('shop'), ['one', 'two']);
  assert.deepEqual(of('stay'), ['one', 'two', 'old drains']);
});

test('users in a secret are those of its version; one that cannot be opened lets nobody in', async () => {
  const { ingress, balancer, services, reports } = room();
  await ingress.start(services, []);
  const shape = { ...standardShape, users: { secret: 'staff' } };
  const versioned = (version: number): AppModel => ({
    ...model('shop', { shape }),
    secrets: {
      staff: {
        ...{ name: 'staff', labels: {}, from: { kind: 'external' } },
        stored: { key: 'secret//staff', version },
      },
    },
  });
  const users = (): unknown => balancer.table.backends[0]?.shape.users;
  await ingress.assign(versioned(1));
  assert.deepEqual(users(), { lines: ['ann:pw1', ''] });
  await ingress.assign(versioned(2));
  assert.deepEqual(users(), { secret: 'staff', stored: { key: 'secret//staff', version: 2 } });
  assert.match(reports.join(), /nobody may enter shop\/web: Error: locked/);
  await ingress.assign(versioned(3));
  assert.deepEqual(users(), { lines: ['ann:pw3', ''] });
});

test('a certificate in secrets is that of their versions, and what clients refuse is said', async () => {
  const { ingress, balancer, services, pass } = room();
  await ingress.start(services, []);
  const secret = (name: string, version: number): AppModel['secrets'][string] => ({
    ...{ name, labels: {}, from: { kind: 'external' } },
    stored: { key: `secret//${name}`, version },
  });
  const pair = { certificate: { secret: 'chain' }, key: { secret: 'private' } };
  const versioned = (chain: number, key = chain, host = 'a.test'): AppModel => ({
    ...model('shop', { host, tls: 'own', certificate: pair }),
    secrets: { chain: secret('chain', chain), private: secret('private', key) },
  });
  assert.deepEqual(await ingress.check(versioned(1)), []);
  await ingress.assign(versioned(1));
  assert.equal(balancer.certificates.get('a.test'), 'own ann:pw1\n');
  const { table } = balancer;
  await ingress.assign(versioned(3));
  assert.equal(balancer.certificates.get('a.test'), 'own ann:pw3\n');
  assert.deepEqual(balancer.table, table, 'nothing to reload for');
  await assert.rejects(
    ingress.check(versioned(3, 4)),
    /the secret 'chain' and the secret 'private' are no pair/,
  );
  assert.deepEqual(await ingress.check(versioned(1, 1, 'b.test')), [
    'clients will refuse the certificate of b.test: it is for a.test, not for b.test',
  ]);
  await pass(10 * day);
  assert.equal(ingress.list()[0]?.certificate?.problem, 'it has expired on 1970-01-11');
});

test('what the balancer refuses changes nothing', async () => {
  const { ingress, balancer, services } = room();
  await ingress.start(services, [model('shop')]);
  balancer.failure = new Error('no');
  await assert.rejects(ingress.assign(model('blog', { host: 'b.test' })), /no/);
  balancer.failure = undefined;
  assert.deepEqual(
    ingress.list().map(({ app }) => app),
    ['shop'],
  );
  await assert.rejects(
    ingress.check(model('thief')),
    /shop\/web \(shop\.yaml:1\) and thief\/web \(thief\.yaml:1\)/,
  );
});

test('what could not be served at the start is served by the next up', async () => {
  const { ingress, balancer, services, reports } = room();
  balancer.failure = new Error('port 80 is taken');
  await ingress.start(services, [model('shop')]);
  assert.match(reports.join(), /ingress does not serve: Error: port 80 is taken/);
  balancer.failure = undefined;
  await ingress.assign(model('shop'));
  assert.equal(balancer.table.listeners.length, 1);
});

test('a port that becomes free is served on without anybody; until then apps without ingress are not hindered', async () => {
  const { ingress, balancer, services, reports, pass } = room();
  balancer.failure = new Error('port 80 is taken');
  await ingress.start(services, [model('shop')]);
  const plain = model('plain');
  for (const service of Object.values(plain.services)) delete service.ingress;
  await ingress.assign(plain);
  await pass(1000);
  assert.equal(balancer.table.listeners.length, 0);
  balancer.failure = undefined;
  await pass(1999);
  assert.equal(balancer.table.listeners.length, 0);
  await pass(1);
  assert.equal(balancer.table.listeners.length, 1);
  assert.equal(reports.length, 1, reports.join('\n'));
});

test('nothing waits for anything where no app has ingress', async () => {
  const { ingress, services, sleeps } = room();
  await ingress.start(services, []);
  assert.deepEqual(sleeps, []);
});

test('an app that asks for another certificate for the host of another app is refused, and both are named', async () => {
  const { ingress, services } = room();
  await ingress.start(services, [model('shop', { tls: 'internal' })]);
  await assert.rejects(ingress.check(model('blog', { tls: 'acme', path: '/blog' })), {
    code: 'ingress-certificate-conflict',
    message:
      'a.test can have one certificate, but shop/web (shop.yaml:1) asks for one by tls: internal, and blog/web (blog.yaml:1) for another by tls: acme',
  });
  assert.deepEqual(await ingress.check(model('blog', { tls: 'internal', path: '/blog' })), []);
});

test('what an authority signs too late is not offered in place of what is wanted by then', async () => {
  const signed = Promise.withResolvers<Certificate>();
  const { ingress, balancer, services, pass } = room(() => signed.promise);
  await ingress.start(services, [model('shop', { tls: 'acme' })]);
  await pass(0);
  await ingress.assign(model('shop', { tls: 'internal' }));
  signed.resolve({ pem: 'signed', notBefore: 0, notAfter: 90 * day, issuer: 'authority' });
  await pass(0);
  assert.equal(balancer.certificates.get('a.test'), 'local a.test');
});

test('until an authority has signed, a stand-in is offered; failures are told once and wait ever longer', async () => {
  let asked = 0;
  const signed = { pem: 'signed', notBefore: 0, notAfter: 90 * day, issuer: 'authority' };
  const { ingress, balancer, services, reports, pass } = room(() => {
    asked += 1;
    return asked < 3 ? Promise.reject(new Error('nobody answers')) : Promise.resolve(signed);
  });
  await ingress.start(services, [model('shop', { tls: 'acme' })]);
  assert.equal(balancer.certificates.get('a.test'), 'local a.test');
  await pass(0);
  assert.equal(asked, 1);
  assert.deepEqual(ingress.list()[0]?.certificate?.problem, 'nobody answers');
  await pass(59_000);
  assert.equal(asked, 1);
  await pass(1_000);
  assert.equal(asked, 2);
  await pass(239_000);
  assert.equal(asked, 2);
  await pass(1_000);
  assert.equal(asked, 3);
  assert.equal(balancer.certificates.get('a.test'), 'signed');
  assert.equal(ingress.list()[0]?.certificate?.isStandIn, false);
  assert.equal(reports.length, 1, reports.join('\n'));
  await pass(60 * day);
  assert.equal(asked, 4);
});
