import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { test } from 'node:test';
import type { FilteredNetwork, Publication } from '#ports/packet-filter.ts';
import { callTcp, callUdp } from '../support/peer-worker.ts';
import { becomePrivateHost } from '../support/private-host.ts';
import { HostNetwork } from '../support/host-network.ts';

becomePrivateHost();

const BLOCKED = /^(TIMEOUT|EHOSTUNREACH|ENETUNREACH|ECONNREFUSED)$/;

function network(bridge: string, subnet: string, changes: Partial<FilteredNetwork> = {}): FilteredNetwork {
  return {
    bridge,
    subnets: [`${subnet}.0/24`],
    internal: false,
    masquerade: true,
    interContainer: true,
    ...changes,
  };
}

function publication(bridge: string, targetIp: string, changes: Partial<Publication> = {}): Publication {
  return { protocol: 'tcp', hostIp: '', hostPort: 8080, targetIp, targetPort: 80, bridge, ...changes };
}

const udpOfHost = (host: string, port: number, from = 0): Promise<string> =>
  callUdp({ do: 'udp', host, port, message: 'hello', patience: 500, from });

/** Makes the namespace send what is for 127.0.0.1 to a router instead of to itself. */
function bendLoopback(namespace: string, router: string): void {
  const commands = [
    'ip address flush dev lo; ip link set lo down',
    'echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet',
    `ip route add 127.0.0.1 via ${router}`,
  ];
  execFileSync('nsenter', [`--net=${namespace}`, 'sh', '-ec', commands.join('; ')]);
}

/** A host with a container network and a neighbour outside, which knows no way to the containers. */
async function setUp(host: HostNetwork) {
  const outside = await host.bridge('o', '198.51.100');
  const inside = await host.bridge('i', '10.1.0');
  const client = await host.peer(outside, '198.51.100.2');
  const app = await host.peer(inside, '10.1.0.2', { gateway: '10.1.0.1' });
  await app.serveTcp(80);
  await app.serveUdp(80);
  await client.serveTcp(80);
  await client.serveUdp(80);
  return { inside, client, app };
}

test('published ports are reached from outside, from the host and from loopback, with the client seen', async () => {
  await using host = new HostNetwork();
  const { inside, client } = await setUp(host);
  await host.filter.reset([network(inside, '10.1.0')], []);
  assert.match(await client.tcp('198.51.100.1', 8080), /ECONNREFUSED/);
  await host.filter.apply([
    { do: 'publish', publication: publication(inside, '10.1.0.2') },
    { do: 'publish', publication: publication(inside, '10.1.0.2', { protocol: 'udp' }) },
  ]);
  assert.equal(await client.tcp('198.51.100.1', 8080), 'tcp 198.51.100.2');
  assert.equal(await client.udp('198.51.100.1', 8080, 'hello'), 'udp 198.51.100.2 hello');
  assert.equal(await callTcp('198.51.100.1', 8080), 'tcp 198.51.100.1');
  assert.equal(await udpOfHost('198.51.100.1', 8080), 'udp 198.51.100.1 hello');
  assert.equal(await callTcp('127.0.0.1', 8080), 'tcp 10.1.0.1');
  assert.equal(await udpOfHost('127.0.0.1', 8080), 'udp 10.1.0.1 hello');
});

test('a container reaches its own and its neighbour’s published port by the address of the host', async () => {
  await using host = new HostNetwork();
  const { inside, app } = await setUp(host);
  const neighbour = await host.peer(inside, '10.1.0.3', { gateway: '10.1.0.1' });
  await host.filter.reset([network(inside, '10.1.0')], [publication(inside, '10.1.0.2')]);
  assert.equal(await neighbour.tcp('198.51.100.1', 8080), 'tcp 10.1.0.1');
  assert.equal(await app.tcp('198.51.100.1', 8080), 'tcp 10.1.0.1');
  assert.equal(await neighbour.tcp('10.1.0.2', 80), 'tcp 10.1.0.3');
});

test('networks do not reach each other but by published ports, then with the real address', async () => {
  await using host = new HostNetwork();
  const { inside, app } = await setUp(host);
  const other = await host.bridge('j', '10.2.0');
  const stranger = await host.peer(other, '10.2.0.2', { gateway: '10.2.0.1' });
  const networks = [network(inside, '10.1.0'), network(other, '10.2.0')];
  assert.equal(await stranger.tcp('10.1.0.2', 80), 'tcp 10.2.0.2', 'without rules the way is open');
  await host.filter.reset(networks, [publication(inside, '10.1.0.2')]);
  assert.match(await stranger.tcp('10.1.0.2', 80), BLOCKED);
  assert.match(await app.tcp('10.2.0.2', 80), BLOCKED);
  assert.equal(await stranger.tcp('198.51.100.1', 8080), 'tcp 10.2.0.2');
});

test('a way out is translated to the host’s address, and an internal network has none, nor a way in', async () => {
  await using host = new HostNetwork();
  const { inside, client, app } = await setUp(host);
  await host.filter.reset([network(inside, '10.1.0')], []);
  assert.equal(await app.tcp('198.51.100.2', 80), 'tcp 198.51.100.1');
  assert.equal(await app.udp('198.51.100.2', 80, 'hello'), 'udp 198.51.100.1 hello');
  const router = await host.peer(`${host.instance.linkPrefix}o`, '198.51.100.3', { gateway: '198.51.100.1' });
  await router.serveTcp(80);
  const closed = network(inside, '10.1.0', { internal: true });
  await host.filter.reset([closed], [publication(inside, '10.1.0.2')]);
  assert.match(await app.tcp('198.51.100.2', 80), BLOCKED);
  assert.match(await app.tcp('198.51.100.3', 80), BLOCKED, 'though this one knows the way back');
  assert.equal(await app.udp('198.51.100.2', 80, 'hello', 300), 'TIMEOUT');
  assert.match(await client.tcp('198.51.100.1', 8080), BLOCKED);
  const neighbour = await host.peer(inside, '10.1.0.3', { gateway: '10.1.0.1' });
  assert.equal(await neighbour.tcp('10.1.0.2', 80), 'tcp 10.1.0.3');
});

test('an internal network does not reach what another one publishes on the host', async () => {
  await using host = new HostNetwork();
  const { inside } = await setUp(host);
  const other = await host.bridge('j', '10.2.0');
  const prisoner = await host.peer(other, '10.2.0.2', { gateway: '10.2.0.1' });
  const networks = [network(inside, '10.1.0'), network(other, '10.2.0', { internal: true })];
  await host.filter.reset(networks, [publication(inside, '10.1.0.2')]);
  assert.match(await prisoner.tcp('198.51.100.1', 8080), BLOCKED);
});

test('a neighbour that routes to the containers reaches nothing that is not published', async () => {
  await using host = new HostNetwork();
  const { inside } = await setUp(host);
  const router = await host.peer(`${host.instance.linkPrefix}o`, '198.51.100.3', { gateway: '198.51.100.1' });
  assert.equal(await router.tcp('10.1.0.2', 80), 'tcp 198.51.100.3', 'without rules the way is open');
  const local = publication(inside, '10.1.0.2', { hostIp: '127.0.0.1' });
  await host.filter.reset([network(inside, '10.1.0')], [local]);
  assert.match(await router.tcp('10.1.0.2', 80), BLOCKED);
});

test('a port published on one address is not reached by another, and one on 127.0.0.1 not from outside', async () => {
  await using host = new HostNetwork();
  const { inside, client } = await setUp(host);
  const local = publication(inside, '10.1.0.2', { hostIp: '127.0.0.1' });
  const exact = publication(inside, '10.1.0.2', { hostIp: '198.51.100.1', hostPort: 8081 });
  await host.filter.reset([network(inside, '10.1.0')], [local, exact]);
  assert.equal(await callTcp('127.0.0.1', 8080), 'tcp 10.1.0.1');
  assert.match(await client.tcp('198.51.100.1', 8080), BLOCKED);
  assert.match(await callTcp('127.0.0.1', 8081), BLOCKED);
  assert.equal(await client.tcp('198.51.100.1', 8081), 'tcp 198.51.100.2');
  bendLoopback(client.namespace, '198.51.100.1');
  assert.match(await client.tcp('127.0.0.1', 8080), BLOCKED);
});

test('a container that bends its own routes does not reach what listens on the host’s 127.0.0.1', async (t) => {
  await using host = new HostNetwork();
  const { inside, app } = await setUp(host);
  const server = createServer((socket) => socket.end('secret'));
  await new Promise<void>((resolve) => server.listen(7777, '127.0.0.1', () => resolve()));
  t.after(() => server.close());
  bendLoopback(app.namespace, '10.1.0.1');
  assert.equal(await app.tcp('127.0.0.1', 7777), 'secret', 'without rules the way is open');
  await host.filter.reset([network(inside, '10.1.0')], []);
  assert.match(await app.tcp('127.0.0.1', 7777), BLOCKED);
});

test('containers of a network without inter-container traffic do not reach each other', async () => {
  await using host = new HostNetwork();
  const { inside } = await setUp(host);
  await host.filter.reset([network(inside, '10.1.0', { interContainer: false })], []);
  const one = await host.peer(inside, '10.1.0.3', { isolated: true });
  const two = await host.peer(inside, '10.1.0.4', { isolated: true });
  await one.serveTcp(80);
  assert.match(await two.tcp('10.1.0.3', 80), BLOCKED);
});

test('a UDP sender that goes on finds a port published later, and the new container after a change', async () => {
  await using host = new HostNetwork();
  const { inside, client } = await setUp(host);
  const second = await host.peer(inside, '10.1.0.3', { gateway: '10.1.0.1' });
  await host.filter.reset([network(inside, '10.1.0')], []);
  const send = (): Promise<string> => client.udp('198.51.100.1', 8080, 'hello', 300, 40000);
  assert.match(await send(), BLOCKED);
  const first = publication(inside, '10.1.0.2', { protocol: 'udp' });
  await host.filter.apply([{ do: 'publish', publication: first }]);
  assert.equal(await send(), 'udp 198.51.100.2 hello');
  await host.filter.apply([{ do: 'unpublish', publication: first }]);
  assert.match(await send(), BLOCKED);
  await second.serveUdp(81);
  const next = publication(inside, '10.1.0.3', { protocol: 'udp', targetPort: 81 });
  await host.filter.apply([{ do: 'publish', publication: first }]);
  assert.equal(await send(), 'udp 198.51.100.2 hello');
  await host.filter.apply([
    { do: 'unpublish', publication: first },
    { do: 'publish', publication: next },
  ]);
  assert.equal(await send(), 'udp 198.51.100.2 hello');
  assert.equal(await callTcp('198.51.100.1', 8080), 'ECONNREFUSED');
});

test('two instances side by side do not disturb each other', async () => {
  await using one = new HostNetwork();
  await using two = new HostNetwork();
  const { inside, client } = await setUp(one);
  const theirs = await two.bridge('i', '10.3.0');
  const app = await two.peer(theirs, '10.3.0.2', { gateway: '10.3.0.1' });
  await app.serveTcp(80);
  await one.filter.reset([network(inside, '10.1.0')], [publication(inside, '10.1.0.2')]);
  await two.filter.reset([network(theirs, '10.3.0')], [publication(theirs, '10.3.0.2', { hostPort: 8081 })]);
  assert.equal(await client.tcp('198.51.100.1', 8080), 'tcp 198.51.100.2');
  assert.equal(await client.tcp('198.51.100.1', 8081), 'tcp 198.51.100.2');
  assert.equal(await app.tcp('198.51.100.2', 80), 'tcp 198.51.100.1');
  assert.match(await app.tcp('10.1.0.2', 80), BLOCKED);
  await two.filter.remove();
  assert.equal(await client.tcp('198.51.100.1', 8080), 'tcp 198.51.100.2');
});

test('a refused change changes nothing, and everything can be taken away again', async () => {
  await using host = new HostNetwork();
  const { inside, client } = await setUp(host);
  await host.filter.reset([network(inside, '10.1.0')], []);
  const good = publication(inside, '10.1.0.2');
  const bad = publication(inside, '10.1.0.2', { hostIp: '198.51.100.1', hostPort: 99_999 });
  const changes = [good, bad].map((each) => ({ do: 'publish' as const, publication: each }));
  await assert.rejects(host.filter.apply(changes), { code: 'packet-filter-failed' });
  assert.match(await client.tcp('198.51.100.1', 8080), BLOCKED);
  await host.filter.apply([{ do: 'publish', publication: good }]);
  await host.filter.apply([
    { do: 'unpublish', publication: good },
    { do: 'unpublish', publication: good },
    { do: 'remove-network', bridge: inside },
    { do: 'remove-network', bridge: inside },
  ]);
  assert.match(await client.tcp('198.51.100.1', 8080), BLOCKED);
});
