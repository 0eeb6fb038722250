import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { NetworkEngine } from '../support/network-engine.ts';
import { callTcp } from '../support/peer-worker.ts';
import { becomePrivateHost } from '../support/private-host.ts';

becomePrivateHost();

const BLOCKED = /^(TIMEOUT|EHOSTUNREACH|ENETUNREACH|ECONNREFUSED)$/;
const pools = [
  { subnet: '10.9.0.0/24', gateway: '10.9.0.1' },
  { subnet: 'fd09::/64', gateway: 'fd09::1' },
];

/** A network card, `card`, with the rest of a network at its other end: the host's address 10.9.0.1. */
function plugIn(): Disposable & { name: string } {
  ip('link add card type veth peer name lan');
  ip('address add 10.9.0.1/24 dev lan');
  ip('address add fd09::1/64 dev lan nodad');
  for (const end of ['card', 'lan']) ip(`link set ${end} up`);
  return { name: 'card', [Symbol.dispose]: () => void ip('link delete lan') };
}

function ip(words: string): string {
  return execFileSync('ip', words.split(' '), { encoding: 'utf8' });
}

function inside(engine: NetworkEngine, id: string, words: string): string {
  const path = engine.links.namespacePath(id);
  return execFileSync('nsenter', [`--net=${path}`, 'ip', ...words.split(' ')], { encoding: 'utf8' });
}

const macvlan = (name: string, parent: string, options: Record<string, string> = {}) => ({
  name,
  driver: 'macvlan',
  options: { parent, ...options },
  pools,
});

test('containers of a macvlan network are in the network of its parent, with addresses of their choice', async () => {
  using card = plugIn();
  await using engine = await NetworkEngine.start();
  const network = await engine.networks.create(macvlan('lan', card.name));
  assert.deepEqual(network.parent, { name: 'card', mode: 'bridge' });
  assert.equal(network.ipv6, true);
  const fixed = { IPAMConfig: { IPv4Address: '10.9.0.77', IPv6Address: 'fd09::77' } };
  const one = await engine.run('one', { networks: { lan: fixed } });
  const two = await engine.run('two', { networks: { lan: { MacAddress: '02:00:00:00:00:22' } } });
  await one.peer.serveTcp(80);
  assert.equal(await two.peer.tcp('10.9.0.77', 80), 'tcp 10.9.0.78');
  assert.equal(await two.peer.tcp('fd09::77', 80), 'tcp fd09::78');
  assert.equal(await callTcp('10.9.0.77', 80), 'tcp 10.9.0.1');
  assert.match(inside(engine, two.container.id, 'link show eth0'), /02:00:00:00:00:22/);
  assert.match(inside(engine, two.container.id, '-d link show eth0'), /macvlan mode bridge/);
  assert.match(inside(engine, two.container.id, 'route'), /default via 10\.9\.0\.1 dev eth0/);
  assert.match(inside(engine, two.container.id, '-6 route'), /default via fd09::1 dev eth0/);
  await assert.rejects(engine.networks.remove('lan'), /active endpoints/);
  await engine.restart();
  await assert.rejects(
    engine.run('three', { networks: { lan: fixed } }),
    /Address already in use: 10.9.0.77/,
  );
  assert.equal(await two.peer.tcp('10.9.0.77', 80), 'tcp 10.9.0.78');
  await engine.stop(one);
  await engine.stop(two);
  await engine.networks.remove('lan');
  assert.match(ip('link show card'), /card@lan/);
});

test('in mode private containers reach the network but not each other; modes may share a parent', async () => {
  using card = plugIn();
  await using engine = await NetworkEngine.start();
  await engine.networks.create(macvlan('alone', card.name, { macvlan_mode: 'private' }));
  await engine.networks.create({ ...macvlan('vepa', card.name, { macvlan_mode: 'vepa' }), pools: [] });
  const one = await engine.run('one', { networks: { alone: {} } });
  const two = await engine.run('two', { networks: { alone: {} } });
  const three = await engine.run('three', { networks: { vepa: {} } });
  await one.peer.serveTcp(80);
  assert.match(await two.peer.tcp('10.9.0.2', 80), BLOCKED);
  assert.equal(await callTcp('10.9.0.2', 80), 'tcp 10.9.0.1');
  assert.match(inside(engine, three.container.id, '-d link show eth0'), /macvlan mode vepa/);
});

test('mode passthru gives the whole parent to one container', async () => {
  using card = plugIn();
  await using engine = await NetworkEngine.start();
  await engine.networks.create(macvlan('whole', card.name, { macvlan_mode: 'passthru' }));
  const one = await engine.run('one', { networks: { whole: {} } });
  const mac = one.container.endpoints[0]?.macAddress ?? '';
  assert.ok(mac !== '' && ip('link show card').includes(mac));
  assert.ok(inside(engine, one.container.id, 'link show eth0').includes(mac));
  await one.peer.serveTcp(80);
  assert.equal(await callTcp('10.9.0.2', 80), 'tcp 10.9.0.1');
  await assert.rejects(engine.run('two', { networks: { whole: {} } }), { code: 'EINVAL' });
  await assert.rejects(engine.networks.create({ ...macvlan('other', card.name), pools: [] }), {
    code: 'network-parent-taken',
    message: 'macvlan network whole is already using parent interface card in mode passthru',
  });
});

test('without a parent a network leads nowhere, outlives a restart, and its links go with it', async () => {
  await using engine = await NetworkEngine.start();
  const prefix = engine.instance.linkPrefix;
  const before = (await engine.links.listLinks(prefix)).sort();
  const request = { name: 'inner', driver: 'macvlan', internal: true, pools };
  const { parent } = await engine.networks.create(request);
  assert.equal(parent?.made, 'pair');
  const one = await engine.run('one', { networks: { inner: {} } });
  const two = await engine.run('two', { networks: { inner: {} } });
  await one.peer.serveTcp(80);
  assert.equal(await two.peer.tcp('10.9.0.2', 80), 'tcp 10.9.0.3');
  assert.doesNotMatch(inside(engine, two.container.id, 'route'), /default/);
  await engine.restart();
  assert.equal(await two.peer.tcp('10.9.0.2', 80), 'tcp 10.9.0.3');
  await engine.stop(one);
  await engine.stop(two);
  ip(`link delete ${parent.name}`);
  await engine.restart();
  assert.equal((await engine.links.listLinks(prefix)).length, before.length + 2);
  await engine.networks.remove('inner');
  assert.deepEqual((await engine.links.listLinks(prefix)).sort(), before);
});

test('a pair of links whose network was never saved is removed at the next start', async () => {
  await using engine = await NetworkEngine.start();
  const prefix = engine.instance.linkPrefix;
  const before = (await engine.links.listLinks(prefix)).sort();
  await engine.links.ensurePair(`${prefix}d123456`);
  await engine.restart();
  assert.deepEqual((await engine.links.listLinks(prefix)).sort(), before);
  assert.deepEqual(engine.problems, []);
});

test('a parent such as card.10 is made as a VLAN where the kernel has them, and refused where not', async () => {
  using card = plugIn();
  await using engine = await NetworkEngine.start();
  const request = macvlan('vlan', `${card.name}.10`);
  if (await engine.links.knows('vlan')) {
    const { parent } = await engine.networks.create(request);
    assert.deepEqual(parent, { name: 'card.10', mode: 'bridge', made: 'vlan' });
    assert.match(ip('-d link show card.10'), /vlan protocol 802\.1Q id 10/);
    await engine.restart();
    await engine.networks.remove('vlan');
  } else
    await assert.rejects(engine.networks.create(request), {
      code: 'network-driver-unsupported',
      message: 'cannot make card.10: the kernel of this host has no links of kind vlan',
    });
  assert.equal(await engine.links.has('card.10'), false);
  assert.deepEqual(
    engine.networks.list().map(({ name }) => name),
    ['bridge', 'host', 'none'],
  );
});

test('ipvlan works where the kernel has it, and is refused where not', async () => {
  using card = plugIn();
  await using engine = await NetworkEngine.start();
  const request = { ...macvlan('ip', card.name, { ipvlan_mode: 'l2' }), driver: 'ipvlan' };
  if (await engine.links.knows('ipvlan')) {
    await engine.networks.create(request);
    const { container } = await engine.run('one', { networks: { ip: {} } });
    assert.match(inside(engine, container.id, '-d link show eth0'), /ipvlan mode l2 bridge/);
  } else
    await assert.rejects(engine.networks.create(request), {
      code: 'network-driver-unsupported',
      message: 'cannot make ip: the kernel of this host has no links of kind ipvlan',
    });
});

test('a parent that is not there is an error, and leaves no network', async () => {
  await using engine = await NetworkEngine.start();
  await assert.rejects(engine.networks.create(macvlan('x', 'nosuch')), {
    code: 'network-option-invalid',
    message: /has no link 'nosuch'/,
  });
  assert.equal(engine.networks.list().length, 3);
});
