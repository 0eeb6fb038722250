import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { NETLINK_ROUTE, NetlinkSocket } from '#adapters/linux/netlink.ts';
import { listAddresses, readAddress } from '#adapters/netlink/messages.ts';
import { becomePrivateHost } from '../support/private-host.ts';
import { HostNetwork } from '../support/host-network.ts';

becomePrivateHost();

test('two namespaces on a bridge reach each other and the host reaches them', async () => {
  await using host = new HostNetwork();
  const bridge = await host.bridge('x', '10.1.0');
  const one = await host.peer(bridge, '10.1.0.2', { gateway: '10.1.0.1' });
  const two = await host.peer(bridge, '10.1.0.3', { gateway: '10.1.0.1' });
  await one.serveTcp(80);
  assert.equal(await two.tcp('10.1.0.2', 80), 'tcp 10.1.0.3');
  const counters = await host.links.counters(two.namespace);
  assert.deepEqual(Object.keys(counters), ['eth0']);
  assert.ok((counters['eth0']?.rxBytes ?? 0) > 100 && (counters['eth0']?.txPackets ?? 0) > 2);
});

test('isolated links of one bridge reach the host but not each other', async () => {
  await using host = new HostNetwork();
  const bridge = await host.bridge('x', '10.1.0');
  const one = await host.peer(bridge, '10.1.0.2', { isolated: true });
  const two = await host.peer(bridge, '10.1.0.3', { isolated: true });
  await one.serveTcp(80);
  assert.notEqual(await two.tcp('10.1.0.2', 80), 'tcp 10.1.0.3');
  assert.equal(await two.tcp('10.1.0.1', 80), 'ECONNREFUSED');
});

test('a bridge is brought to its shape again, with forwarding switched on and said', async () => {
  await using host = new HostNetwork();
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '0');
  const name = await host.bridge('x', '10.1.0');
  assert.deepEqual(host.changes, [
    'net.ipv4.ip_forward was 0 and is now 1: packets of containers have to be forwarded',
  ]);
  await host.links.ensureBridge({ name, addresses: ['10.2.0.1/24', 'fd00::1/64'], mtu: 1400 });
  await host.links.ensureBridge({ name, addresses: ['10.2.0.1/24', 'fd00::1/64'], mtu: 1400 });
  using socket = new NetlinkSocket(NETLINK_ROUTE);
  const found = socket.dump(listAddresses).map((body) => readAddress(body)?.cidr);
  assert.ok(found.includes('10.2.0.1/24') && found.includes('fd00::1/64') && !found.includes('10.1.0.1/24'));
  assert.ok((await host.links.usedSubnets()).includes('10.2.0.0/24'));
  assert.equal(readFileSync(`/proc/sys/net/ipv4/conf/${name}/route_localnet`, 'utf8').trim(), '1');
});

test('a namespace that is left to a process stays reached by its path, is no mount, and is never the host’s', async () => {
  await using host = new HostNetwork();
  const bridge = await host.bridge('x', '10.1.0');
  const { namespace } = await host.peer(bridge, '10.1.0.2');
  const id = basename(namespace);
  const child = spawn('nsenter', [`--net=${namespace}`, 'sh', '-c', 'echo inside; exec sleep 1000']);
  await once(child.stdout, 'data');
  await host.links.entrustNamespace(id, child.pid ?? 0);
  assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(namespace));
  assert.deepEqual(Object.keys(await host.links.counters(namespace)), ['eth0']);
  await host.links.entrustNamespace(id, child.pid ?? 0);
  await host.links.disconnect(namespace, 'eth0');
  assert.deepEqual(await host.links.counters(namespace), {});
  const ended = once(child, 'exit');
  child.kill();
  await ended;
  await assert.rejects(host.links.counters(namespace));
  // As when the number of the process is another's by now.
  await host.links.entrustNamespace(id, process.pid);
  await assert.rejects(host.links.counters(namespace), { code: 'namespace-missing' });
  await assert.rejects(host.links.disconnect(namespace, 'lo'), { code: 'namespace-missing' });
  await host.links.removeNamespace(id);
  assert.deepEqual(await host.links.listNamespaces(), []);
});

test('what is removed is gone, removing it again is fine, and links go with their namespace', async () => {
  await using host = new HostNetwork();
  const bridge = await host.bridge('x', '10.1.0');
  const path = await host.links.createNamespace('a');
  assert.deepEqual(await host.links.listNamespaces(), ['a']);
  const link = {
    namespace: path,
    bridge,
    hostName: `${host.instance.linkPrefix}v1`,
    name: 'eth0',
    mac: '02:42:0a:01:00:02',
    addresses: ['10.1.0.2/24'],
    gateways: [],
    mtu: 1500,
  };
  await host.links.connect(link);
  await host.links.disconnect(path, 'eth0');
  await host.links.disconnect(path, 'eth0');
  assert.deepEqual(await host.links.counters(path), {});
  await host.links.connect(link);
  await host.links.removeNamespace('a');
  await host.links.removeNamespace('a');
  assert.equal(existsSync(path), false);
  const deadline = Date.now() + 5000;
  while ((await host.links.listLinks(host.instance.linkPrefix)).length > 1) {
    assert.ok(Date.now() < deadline, 'the veth pair outlived its namespace by 5 s');
  }
  await host.links.removeLink(bridge);
  await host.links.removeLink(bridge);
  assert.deepEqual(await host.links.listLinks(host.instance.linkPrefix), []);
});

test('a link that cannot be made names itself and leaves nothing', async () => {
  await using host = new HostNetwork();
  const bridge = await host.bridge('x', '10.1.0');
  const namespace = await host.links.createNamespace('a');
  const link = {
    namespace,
    bridge,
    hostName: `${host.instance.linkPrefix}v1`,
    name: 'eth0',
    mac: '02:42:0a:01:00:02',
    addresses: ['10.1.0.2/24'],
    gateways: ['10.99.0.1'],
    mtu: 1500,
  };
  await assert.rejects(host.links.connect(link), {
    name: 'SystemCallError',
    code: 'ENETUNREACH',
    message: /add default route by 10\.99\.0\.1/,
  });
  assert.deepEqual(await host.links.listLinks(`${host.instance.linkPrefix}v`), []);
  await assert.rejects(host.links.connect({ ...link, bridge: 'nosuch' }), /no network link 'nosuch'/);
});

test('the host’s end of a link goes soon, though a killed process’s connection holds its namespace', async (t) => {
  await using host = new HostNetwork();
  const bridge = await host.bridge('x', '10.1.0');
  const peer = await host.peer(bridge, '10.1.0.2', { gateway: '10.1.0.1' });
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    t.after(() => socket.destroy());
  }).listen(0, '10.1.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const code = `require('net').connect(${port}, '10.1.0.1', () => console.log('connected'))`;
  const child = spawn('nsenter', [`--net=${peer.namespace}`, process.execPath, '-e', code]);
  await once(child.stdout, 'data');
  // From now on nobody answers.
  execFileSync('ip', ['link', 'set', bridge, 'down']);
  child.kill('SIGKILL');
  await once(child, 'close');
  await peer[Symbol.asyncDispose]();
  await host.links.removeNamespace(basename(peer.namespace));
  const ends = async (): Promise<string[]> =>
    (await host.links.listLinks(host.instance.linkPrefix)).filter((name) => name !== bridge);
  const late = AbortSignal.timeout(20_000);
  while ((await ends()).length > 0) await setTimeout(50, undefined, { signal: late });
});
