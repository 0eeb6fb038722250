import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ServiceSettings } from '#engine/contracts/services.ts';
import { endpointsOf } from '#engine/services/endpoints.ts';
import { NetworkEngine } from '../support/network-engine.ts';
import { Peer } from '../support/peer.ts';
import { callTcp } from '../support/peer-worker.ts';
import { becomePrivateHost } from '../support/private-host.ts';

becomePrivateHost();

const BLOCKED = /^(TIMEOUT|EHOSTUNREACH|ENETUNREACH|ECONNREFUSED)$/;

function settings(
  engine: NetworkEngine,
  names: string[],
  changes: Partial<ServiceSettings> = {},
): ServiceSettings {
  return {
    hash: '1',
    networks: names.map((name) => ({ id: engine.networks.get(name).id, aliases: ['www'] })),
    mode: 'vip',
    portNames: [{ name: 'http', port: 80, protocol: 'tcp' }],
    ports: [],
    avoid: [],
    ...changes,
  };
}

/** A replica of shop/web. */
function run(engine: NetworkEngine, number: number, networks: string[]): ReturnType<NetworkEngine['run']> {
  return engine.run(`shop-web-${number}`, {
    networks: Object.fromEntries(networks.map((name) => [name, { Aliases: ['web', 'www'] }])),
    identity: { app: 'shop', service: 'web', revision: 1, replica: number },
  });
}

/** One that says its number on port 80. */
async function replica(engine: NetworkEngine, number: number, networks: string[]): Promise<Peer> {
  const { peer } = await run(engine, number, networks);
  await peer.serveTcp(80, String(number));
  return peer;
}

const gatewayOf = (engine: NetworkEngine, name: string): string =>
  engine.networks.get(name).pools[0]?.gateway ?? '';

test('a service has one address in each network, which its names stand for whoever answers', async () => {
  await using engine = await NetworkEngine.start();
  for (const name of ['front', 'back']) await engine.networks.create({ name });
  const place = await engine.networks.services.declare('shop', 'web', settings(engine, ['front', 'back']));
  const client = await engine.run('client', { networks: { front: {} } });
  const other = await engine.run('other', { networks: { back: {} } });
  const virtual = (name: string): string => place.addresses[engine.networks.get(name).id]?.[0] ?? '';
  const ask = (name: string, type: 'A' | 'SRV' = 'A'): Promise<string> =>
    client.peer.resolve(gatewayOf(engine, 'front'), name, type);
  assert.equal(await ask('web'), virtual('front'), 'without any replica');
  assert.equal(await client.peer.tcp(virtual('front'), 80), 'ECONNREFUSED');
  for (const number of [1, 2]) await replica(engine, number, ['front', 'back']);
  await engine.tell('shop', 'web');
  for (const name of ['web', 'www', 'WEB.front', 'web.shop.berth'])
    assert.equal(await ask(name), virtual('front'), name);
  assert.equal(await other.peer.resolve(gatewayOf(engine, 'back'), 'web'), virtual('back'));
  const [first, second] = [...engine.containers.values()]
    .filter(({ identity }) => identity !== undefined)
    .map(({ endpoints }) => endpoints.find((one) => one.networkName === 'front')?.ipAddress ?? '');
  assert.equal(await ask('tasks.web'), [first, second].sort().join(' '));
  assert.equal(await ask('shop-web-2'), second);
  assert.equal(await ask('web-2'), second);
  assert.equal(await ask('_http._tcp.web', 'SRV'), 'web:80');
  assert.equal(await ask('_80._tcp.tasks.web', 'SRV'), 'shop-web-1:80 shop-web-2:80');
  assert.deepEqual(
    Object.keys(await client.peer.tally(virtual('front'), 80, 20))
      .map((one) => one[0])
      .sort(),
    ['1', '2'],
  );
  assert.match(await other.peer.tcp(virtual('back'), 80), /^[12] /);
  assert.match(await other.peer.tcp(virtual('front'), 80), BLOCKED);
});

test('addresses, ports and open connections stay through a restart of the daemon and a scale of 0', async () => {
  await using engine = await NetworkEngine.start();
  await engine.networks.create({ name: 'net', ipv6: true });
  const ports = [{ container: '80/tcp', hostIp: '', first: 8080, last: 8089 }];
  const place = await engine.networks.services.declare('shop', 'web', settings(engine, ['net'], { ports }));
  const [virtual = '', virtual6 = ''] = place.addresses[engine.networks.get('net').id] ?? [];
  assert.ok(virtual6.startsWith('fd'));
  const peer = await replica(engine, 1, ['net']);
  await peer.serveEcho(81, 'one');
  await engine.tell('shop', 'web');
  const client = await engine.run('client', { networks: { net: {} } });
  assert.match(await client.peer.tcp(virtual6, 80), /^1 fd/);
  const kept = await client.peer.open(virtual, 81);
  assert.match(await callTcp('127.0.0.1', 8080), /^1 /);
  await engine.restart();
  assert.equal(await kept.say('hello'), 'one hello');
  assert.match(await client.peer.tcp(virtual, 80), /^1 /);
  assert.match(await callTcp('127.0.0.1', 8080), /^1 /);
  await assert.rejects(
    engine.run('thief', {
      networks: { net: {} },
      publish: [{ container: '80/tcp', hostIp: '', first: 8080, last: 8080 }],
    }),
    { code: 'port-taken' },
  );
  await engine.networks.services.apply('shop', 'web', []);
  assert.equal(await callTcp('127.0.0.1', 8080), 'ECONNREFUSED');
  const again = await engine.networks.services.declare('shop', 'web', settings(engine, ['net'], { ports }));
  assert.deepEqual(again.addresses, place.addresses);
  assert.deepEqual(again.ports, place.ports);
});

test('clients of a replica that died are reset at once, those that only read too; all others go on', async () => {
  await using engine = await NetworkEngine.start();
  await engine.networks.create({ name: 'net', ipv6: true });
  const ports = [{ container: '81/tcp', hostIp: '', first: 8081, last: 8081 }];
  const place = await engine.networks.services.declare('shop', 'web', settings(engine, ['net'], { ports }));
  const virtual = place.addresses[engine.networks.get('net').id] ?? [];
  assert.equal(virtual.length, 2);
  const client = await engine.run('client', { networks: { net: {} } });
  await using host = await Peer.in('/proc/self/ns/net');
  /** One that alone gets new connections, and connections to it by each kind of address, one of them of the host. */
  const start = async (number: number) => {
    const one = await run(engine, number, ['net']);
    await one.peer.serveEcho(81, String(number));
    await engine.networks.services.apply('shop', 'web', endpointsOf([one.container]));
    const connections = await Promise.all([
      ...virtual.map((address) => client.peer.open(address, 81)),
      host.open('127.0.0.1', 8081),
    ]);
    const say = (text: string): Promise<string[]> => Promise.all(connections.map((each) => each.say(text)));
    const hear = (): Promise<string[]> => Promise.all(connections.map((each) => each.hear()));
    const echoes = (text: string): string[] => connections.map(() => `${number} ${text}`);
    assert.deepEqual(await say('hello'), echoes('hello'));
    return { ...one, say, hear, echoes };
  };
  /** At once: its programs have no time to end their connections. */
  const die = async (one: Awaited<ReturnType<typeof start>>): Promise<void> => {
    await engine.links.disconnect(engine.links.namespacePath(one.container.id), 'eth0');
    await engine.stop(one);
  };
  const reset = ['ECONNRESET', 'ECONNRESET', 'ECONNRESET'];
  const [first, second] = [await start(1), await start(2)];
  await engine.networks.services.apply('shop', 'web', []);
  const readers = first.hear();
  await die(first);
  assert.deepEqual(await readers, reset, 'while no other replica is ready');
  assert.deepEqual(await second.say('b'), second.echoes('b'));
  const third = await start(3);
  const others = second.hear();
  await die(second);
  assert.deepEqual(await others, reset, 'while another one is');
  assert.deepEqual(await third.say('d'), third.echoes('d'));
});

test('a change of ports or networks touches only what it is about; a port in use refuses all of it', async () => {
  await using engine = await NetworkEngine.start();
  for (const name of ['front', 'back']) await engine.networks.create({ name });
  const { services } = engine.networks;
  const port = (container: string, first: number) => ({ container, hostIp: '', first, last: first });
  const before = await services.declare(
    'shop',
    'web',
    settings(engine, ['front'], { ports: [port('80/tcp', 8080)] }),
  );
  await services.declare('shop', 'db', settings(engine, ['front'], { ports: [port('80/tcp', 8081)] }));
  await replica(engine, 1, ['front', 'back']);
  await engine.tell('shop', 'web');
  const refused = settings(engine, ['front', 'back'], {
    ports: [port('80/tcp', 8082), port('80/tcp', 8081)],
  });
  await assert.rejects(services.declare('shop', 'web', refused), { code: 'port-taken' });
  assert.deepEqual(services.find('shop', 'web'), before);
  assert.match(await callTcp('127.0.0.1', 8080), /^1 /);
  assert.equal(await callTcp('127.0.0.1', 8082), 'ECONNREFUSED');
  const moved = settings(engine, ['back'], { ports: [port('81/tcp', 8080), port('80/tcp', 8082)] });
  const after = await services.declare('shop', 'web', moved);
  assert.equal(await callTcp('127.0.0.1', 8080), 'ECONNREFUSED', 'port 81 of the replica');
  assert.match(await callTcp('127.0.0.1', 8082), /^1 /);
  const client = await engine.run('client', { networks: { back: {} } });
  const back = engine.networks.get('back');
  assert.match(await client.peer.tcp(after.addresses[back.id]?.[0] ?? '', 80), /^1 /);
  const front = engine.networks.get('front');
  assert.equal(after.addresses[front.id], undefined);
  const cron = await services.declare('shop', 'cron', settings(engine, ['front']));
  assert.deepEqual(cron.addresses[front.id], before.addresses[front.id], 'the address is free again');
});

test('what is withdrawn, or whose network goes, is gone', async () => {
  await using engine = await NetworkEngine.start();
  for (const name of ['one', 'two']) await engine.networks.create({ name });
  const { services } = engine.networks;
  const ports = [{ container: '80/tcp', hostIp: '', first: 8080, last: 8080 }];
  const place = await services.declare('shop', 'web', settings(engine, ['one', 'two'], { ports }));
  await engine.networks.remove('two');
  assert.match(await readFile(join(engine.folder, 'hosts'), 'utf8'), /\d\tweb\.shop\.berth$/m);
  assert.deepEqual(Object.keys(services.find('shop', 'web')?.addresses ?? {}), [
    engine.networks.get('one').id,
  ]);
  await services.withdraw('shop', 'web');
  await services.withdraw('shop', 'web');
  assert.equal(services.find('shop', 'web'), undefined);
  assert.equal(await readFile(join(engine.folder, 'hosts'), 'utf8'), '');
  const client = await engine.run('client', { networks: { one: {} }, publish: ports });
  const virtual = place.addresses[engine.networks.get('one').id]?.[0] ?? '';
  assert.match(await client.peer.tcp(virtual, 80), /EHOSTUNREACH|TIMEOUT/);
  assert.equal(await client.peer.resolve(gatewayOf(engine, 'one'), 'web'), 'ENOTFOUND');
});

test('with dnsrr the name stands for the addresses of the ready replicas', async () => {
  await using engine = await NetworkEngine.start();
  await engine.networks.create({ name: 'net' });
  await engine.networks.services.declare('shop', 'web', settings(engine, ['net'], { mode: 'dnsrr' }));
  for (const number of [1, 2]) await replica(engine, number, ['net']);
  await engine.tell('shop', 'web');
  const client = await engine.run('client', { networks: { net: {} } });
  const ask = (): Promise<string> => client.peer.resolve(gatewayOf(engine, 'net'), 'web');
  assert.equal((await ask()).split(' ').length, 2);
  const held = [...engine.containers.values()].find(({ name }) => name === 'shop-web-2');
  assert.ok(held !== undefined);
  engine.update({ ...held, traffic: 'draining' });
  await engine.tell('shop', 'web');
  assert.equal((await ask()).split(' ').length, 1);
});
