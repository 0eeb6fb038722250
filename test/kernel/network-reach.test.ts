import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetworkEngine } from '../support/network-engine.ts';
import { Peer } from '../support/peer.ts';
import { callTcp, callUdp } from '../support/peer-worker.ts';
import { becomePrivateHost } from '../support/private-host.ts';

becomePrivateHost();

const BLOCKED = /^(TIMEOUT|EHOSTUNREACH|ENETUNREACH|ECONNREFUSED)$/;
const port = (container: string, first: number, last = first) => ({ container, hostIp: '', first, last });

test('leaving the network that carries route and ports moves both to another one', async () => {
  await using engine = await NetworkEngine.start();
  await engine.networks.create({ name: 'one' });
  await engine.networks.create({ name: 'two' });
  const ports = [port('80/tcp', 8080)];
  const app = await engine.run('app', { networks: { one: {}, two: {} }, publish: ports });
  await app.peer.serveTcp(80);
  const [first, second] = app.container.endpoints;
  assert.ok(first !== undefined && second !== undefined);
  const outside = await engine.run('outside', { networks: { bridge: {} } });
  await outside.peer.serveTcp(80);
  await engine.networks.detach(app.container.id, first);
  engine.update({ ...app.container, endpoints: [second] });
  assert.match(await callTcp('127.0.0.1', 8080), /^tcp /);
  const gateway = engine.networks.get('bridge').pools[0]?.gateway ?? '';
  assert.equal(await app.peer.tcp(gateway, 81), 'ECONNREFUSED', 'there is a default route');
});

test('the network with a way out and the highest priority carries the route and the ports, in whatever order', async () => {
  await using engine = await NetworkEngine.start();
  const { networks } = engine;
  await networks.create({ name: 'closed', internal: true });
  for (const name of ['low', 'high']) await networks.create({ name });
  const app = await engine.run('app', {
    networks: { closed: {}, low: {}, high: { GwPriority: 10 } },
    publish: [port('80/tcp', 8080)],
  });
  await app.peer.serveTcp(80);
  const gateway = (name: string): string => networks.get(name).pools[0]?.gateway ?? '';
  const caller = async (): Promise<string> => (await callTcp('127.0.0.1', 8080)).replace('tcp ', '');
  assert.equal(await caller(), gateway('high'));
  await engine.restart();
  assert.equal(await caller(), gateway('high'));
  assert.equal(await app.peer.tcp(gateway('bridge'), 81), 'ECONNREFUSED', 'there is a default route');
});

test('a network with IPv6 gives addresses, names and published ports of both kinds', async () => {
  await using engine = await NetworkEngine.start();
  const net = await engine.networks.create({ name: 'net', ipv6: true });
  const [pool4, pool6] = net.pools;
  assert.ok(pool4 !== undefined && pool6 !== undefined && pool6.subnet.startsWith('fd'));
  const app = await engine.run('app', { networks: { net: {} }, publish: [port('80/tcp', 8080)] });
  const web = await engine.run('web', { networks: { net: {} } });
  await app.peer.serveTcp(80);
  const [endpoint] = app.container.endpoints;
  assert.ok(endpoint !== undefined);
  assert.equal(await web.peer.resolve(pool4.gateway, 'app', 'AAAA'), endpoint.ip6Address);
  assert.equal(
    await web.peer.tcp(endpoint.ip6Address, 80),
    `tcp ${web.container.endpoints[0]?.ip6Address ?? ''}`,
  );
  assert.deepEqual(
    app.container.ports.map(({ hostIp, hostPort }) => [hostIp, hostPort]),
    [
      ['0.0.0.0', 8080],
      ['::', 8080],
    ],
  );
  assert.equal(await callTcp(pool6.gateway, 8080), `tcp ${pool6.gateway}`);
  assert.equal(await callTcp('::1', 8080), `tcp ${pool6.gateway}`);
  assert.equal(await web.peer.tcp(pool6.gateway, 8080), `tcp ${pool6.gateway}`);
  const exact = await engine.run('exact', {
    networks: { net: {} },
    publish: [{ container: '80/tcp', hostIp: pool6.gateway, first: 8081, last: 8081 }],
  });
  await exact.peer.serveTcp(80);
  assert.equal(await callTcp(pool6.gateway, 8081), `tcp ${pool6.gateway}`);
  const outside = `${engine.instance.linkPrefix}vout`;
  await engine.links.ensureBridge({ name: outside, addresses: ['fd99::1/64'], mtu: 1500 });
  const namespace = await engine.links.createNamespace('internet');
  const link = { hostName: `${engine.instance.linkPrefix}vint`, name: 'eth0', mac: '02:42:00:00:00:99' };
  await engine.links.connect({
    ...link,
    namespace,
    bridge: outside,
    addresses: ['fd99::2/64'],
    gateways: [],
    mtu: 1500,
  });
  await using internet = await Peer.in(namespace);
  await internet.serveTcp(80);
  assert.equal(await web.peer.tcp('fd99::2', 80), 'tcp fd99::1', 'the way out is translated');
  await engine.links.removeNamespace('internet');
  await engine.links.removeLink(outside);
  const other = await engine.networks.create({ name: 'other', ipv6: true });
  const stranger = await engine.run('stranger', { networks: { other: {} } });
  assert.match(await stranger.peer.tcp(endpoint.ip6Address, 80), BLOCKED);
  assert.match(await stranger.peer.tcp(other.pools[1]?.gateway ?? '', 8080), /^tcp fd/);
});

test('::1 is refused where nothing is published on it, and reaches a container where something is', async () => {
  await using engine = await NetworkEngine.start();
  const net = await engine.networks.create({ name: 'net' });
  const gateway = net.pools[0]?.gateway ?? '';
  const on6 = (container: string, hostIp: string, at: number) => ({ container, hostIp, first: at, last: at });
  const publish = [
    port('80/tcp', 8080),
    on6('80/tcp', '::1', 8081),
    on6('81/udp', '::', 8082),
    on6('90/tcp', '::1', 8083),
  ];
  const app = await engine.run('app', { networks: { net: {} }, publish });
  await app.peer.serveTcp(80);
  await app.peer.serveUdp(81);
  const reaches = async (): Promise<void> => {
    assert.equal(await callTcp('::1', 8080), 'ECONNREFUSED', 'who asks for localhost goes on to 127.0.0.1');
    assert.equal(await callTcp('::1', 8081), `tcp ${gateway}`);
    const call = { do: 'udp', host: '::1', port: 8082, message: 'hello', patience: 1000 } as const;
    assert.equal(await callUdp(call), `udp ${gateway} hello`);
    assert.notEqual(await callTcp('::1', 8083), `tcp ${gateway}`, 'nobody listens in the container');
  };
  await reaches();
  await engine.restart();
  await reaches();
  const again = { networks: { net: {} }, publish: [on6('80/tcp', '::', 8081)] };
  await assert.rejects(engine.run('again', again), /Bind for \[::\]:8081 failed: port is already allocated/);
  await engine.stop(app);
  for (const at of [8081, 8083]) assert.equal(await callTcp('::1', at), 'ECONNREFUSED');
});

test('a container may publish port 53 without taking the questions of others', async () => {
  await using engine = await NetworkEngine.start();
  const net = await engine.networks.create({ name: 'net' });
  const publish = [port('53/udp', 53), port('53/tcp', 53)];
  const server = await engine.run('server', { networks: { net: {} }, publish });
  await server.peer.serveUdp(53);
  await server.peer.serveTcp(53);
  const web = await engine.run('web', { networks: { net: {} } });
  const gateway = net.pools[0]?.gateway ?? '';
  assert.equal(await web.peer.resolve(gateway, 'server'), server.container.endpoints[0]?.ipAddress);
  assert.match(await callTcp('127.0.0.1', 53), /^tcp /);
  await engine.networks.create({ name: 'later' });
});
