import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { overlaps, parseSubnet } from '#domain/network/cidr.ts';
import { NetworkEngine } from '../support/network-engine.ts';
import { callTcp } from '../support/peer-worker.ts';
import { becomePrivateHost } from '../support/private-host.ts';

becomePrivateHost();

const BLOCKED = /^(TIMEOUT|EHOSTUNREACH|ENETUNREACH|ECONNREFUSED)$/;
const port = (container: string, first: number, last = first) => ({ container, hostIp: '', first, last });
const rulesOf = (engine: NetworkEngine): string =>
  execFileSync('nft', ['list', 'table', 'inet', engine.instance.table]).toString();

async function untilLinksAre(engine: NetworkEngine, wanted: string[]): Promise<void> {
  const deadline = Date.now() + 5000;
  for (;;) {
    const found = await engine.links.listLinks(engine.instance.linkPrefix);
    if (found.length === wanted.length) {
      assert.deepEqual(found.sort(), wanted.sort());
      return;
    }
    assert.ok(Date.now() < deadline, `links are still there after 5 s: ${found.join(' ')}`);
  }
}

test('containers of a network find each other by name, alias, short id and link, others do not', async () => {
  await using engine = await NetworkEngine.start();
  const net = await engine.networks.create({ name: 'net' });
  await engine.networks.create({ name: 'other' });
  const server = net.pools[0]?.gateway ?? '';
  const db = await engine.run('db', { networks: { net: { Aliases: ['store'] } } });
  const twin = await engine.run('db2', { networks: { net: { Aliases: ['store'] } } });
  const web = await engine.run('web', { networks: { net: { Links: ['db:base'] } } });
  const stranger = await engine.run('stranger', { networks: { other: {} } });
  const [dbIp = '', twinIp = ''] = [db, twin].map((each) => each.container.endpoints[0]?.ipAddress);
  for (const name of ['db', 'DB', 'db.net', db.container.id.slice(0, 12), 'base'])
    assert.equal(await web.peer.resolve(server, name), dbIp, name);
  assert.equal(await web.peer.resolve(server, 'store'), [dbIp, twinIp].sort().join(' '));
  const elsewhere = engine.networks.get('other').pools[0]?.gateway ?? '';
  assert.notEqual(await stranger.peer.resolve(elsewhere, 'db'), dbIp);
  engine.update({
    ...db.container,
    endpoints: db.container.endpoints.map((each) => ({ ...each, dnsNames: ['renamed'] })),
  });
  assert.equal(await web.peer.resolve(server, 'renamed'), dbIp);
  await db.peer.serveTcp(80);
  assert.match(await stranger.peer.tcp(dbIp, 80), BLOCKED);
  assert.match(await web.peer.tcp(dbIp, 80), /^tcp /);
});

test('a stopped container is found no more, and its address is given again only after others', async () => {
  await using engine = await NetworkEngine.start();
  const net = await engine.networks.create({ name: 'net', pools: [{ subnet: '10.77.0.0/29' }] });
  const one = await engine.run('one', { networks: { net: {} } });
  const two = await engine.run('two', { networks: { net: {} } });
  assert.equal(one.container.endpoints[0]?.ipAddress, '10.77.0.2');
  assert.equal(two.container.endpoints[0]?.macAddress, '02:42:0a:4d:00:03');
  await engine.stop(one);
  assert.match(await two.peer.resolve(net.pools[0]?.gateway ?? '', 'one'), /ENOTFOUND|ESERVFAIL|ETIMEOUT/);
  const three = await engine.run('three', { networks: { net: {} } });
  assert.equal(three.container.endpoints[0]?.ipAddress, '10.77.0.4');
});

test('published ports go on after the daemon was killed, and nothing is left of what belonged to nobody', async () => {
  await using engine = await NetworkEngine.start();
  const app = await engine.run('app', { networks: { bridge: {} }, publish: [port('80/tcp', 8080)] });
  await app.peer.serveTcp(80);
  assert.deepEqual(app.container.ports, [{ container: '80/tcp', hostIp: '0.0.0.0', hostPort: 8080 }]);
  assert.match(await callTcp('127.0.0.1', 8080), /^tcp /);
  const rules = rulesOf(engine);
  await engine.links.createNamespace('leftover');
  await engine.links.ensureBridge({ name: `${engine.instance.linkPrefix}nleft`, addresses: [], mtu: 1500 });
  await engine.restart();
  assert.match(await callTcp('127.0.0.1', 8080), /^tcp /);
  assert.equal(rulesOf(engine), rules);
  assert.deepEqual(await engine.links.listNamespaces(), [app.container.id]);
  const links = await engine.links.listLinks(engine.instance.linkPrefix);
  assert.deepEqual(
    links.filter((name) => name.includes('nleft')),
    [],
  );
  const wanted = [port('80/tcp', 8080)];
  await assert.rejects(engine.run('thief', { networks: { bridge: {} }, publish: wanted }), {
    code: 'port-taken',
    message:
      /^failed to set up .* on endpoint thief \(\w{64}\): Bind for 0\.0\.0\.0:8080 failed: port is already allocated$/,
  });
  const next = await engine.run('next', { networks: { bridge: {} }, publish: [port('80/tcp', 8080, 8081)] });
  assert.equal(next.container.ports[0]?.hostPort, 8081);
  assert.notEqual(next.container.endpoints[0]?.ipAddress, app.container.endpoints[0]?.ipAddress);
  assert.deepEqual(engine.problems, []);
});

test('an internal network resolves its own names, asks nobody else and has no route', async () => {
  await using engine = await NetworkEngine.start();
  const net = await engine.networks.create({ name: 'closed', internal: true });
  const server = net.pools[0]?.gateway ?? '';
  const one = await engine.run('one', { networks: { closed: {} }, publish: [port('80/tcp', 8080)] });
  const two = await engine.run('two', { networks: { closed: {} } });
  assert.deepEqual(one.container.ports, []);
  assert.equal(await two.peer.resolve(server, 'one'), one.container.endpoints[0]?.ipAddress);
  assert.equal(await two.peer.resolve(server, 'example.com'), 'ESERVFAIL');
  const gateway = engine.networks.get('bridge').pools[0]?.gateway ?? '';
  assert.match(await two.peer.tcp(gateway, 80), /ENETUNREACH/);
});

test('resolv.conf names the network’s own service, or the host’s resolvers on the default bridge', async () => {
  await using engine = await NetworkEngine.start();
  const net = await engine.networks.create({ name: 'net' });
  const own = await engine.run('own', { networks: { net: {} }, host: { DnsSearch: ['a.example'] } });
  const gateway = net.pools[0]?.gateway ?? '';
  assert.equal(
    engine.networks.resolvConf(own.container),
    `nameserver ${gateway}\nsearch a.example\noptions ndots:0\n`,
  );
  const host = { Dns: ['10.9.9.9'], DnsSearch: ['.'], DnsOptions: ['use-vc'] };
  const plain = await engine.run('plain', { networks: { bridge: {} }, host });
  assert.equal(engine.networks.resolvConf(plain.container), 'nameserver 10.9.9.9\noptions use-vc\n');
});

test('a subnet that another program takes at the same moment is given up for another', async () => {
  await using engine = await NetworkEngine.start();
  const { links } = engine;
  const make = links.ensureBridge.bind(links);
  const rival = `${engine.instance.linkPrefix}vrival`;
  links.ensureBridge = async (bridge) => {
    links.ensureBridge = make;
    await make({ ...bridge, name: rival });
    return make(bridge);
  };
  const net = await engine.networks.create({ name: 'net' });
  const routes = await links.usedSubnets();
  assert.equal(routes.filter((route) => route === net.pools[0]?.subnet).length, 1);
  assert.equal(
    (await links.listLinks(engine.instance.linkPrefix)).length,
    3,
    'nothing of the first try is left',
  );
  await links.removeLink(rival);
});

test('two instances and the routes of the host never share a subnet', async () => {
  await using one = await NetworkEngine.start();
  await using two = await NetworkEngine.start();
  for (const engine of [one, two]) for (const name of ['a', 'b', 'c']) await engine.networks.create({ name });
  const subnets = [one, two].flatMap((engine) =>
    engine.networks.list().flatMap((network) => network.pools.map((pool) => parseSubnet(pool.subnet))),
  );
  assert.equal(subnets.length, 8);
  for (const [i, subnet] of subnets.entries())
    assert.ok(subnets.slice(i + 1).every((other) => !overlaps(subnet, other)));
  const taken = two.networks.get('a').pools[0]?.subnet ?? '';
  await assert.rejects(one.networks.create({ name: 'd', pools: [{ subnet: taken }] }), {
    kind: 'forbidden',
    message: 'invalid pool request: Pool overlaps with other one on this address space',
  });
});

test('what must not be done to networks is refused in Docker’s words, and changes nothing', async () => {
  await using engine = await NetworkEngine.start();
  const net = await engine.networks.create({ name: 'net', pools: [{ subnet: '10.78.0.0/24' }] });
  const app = await engine.run('app', { networks: { net: { IPAMConfig: { IPv4Address: '10.78.0.9' } } } });
  assert.equal(app.container.endpoints[0]?.ipAddress, '10.78.0.9');
  const before = rulesOf(engine);
  await assert.rejects(engine.networks.create({ name: 'net' }), {
    kind: 'conflict',
    message: 'network with name net already exists',
  });
  await assert.rejects(engine.networks.remove('net'), {
    kind: 'forbidden',
    message:
      /^error while removing network: network net has active endpoints \(name:"\w+" id:"[0-9a-f]{12}"\)$/,
  });
  await assert.rejects(engine.networks.remove('bridge'), {
    kind: 'forbidden',
    message: 'bridge is a pre-defined network and cannot be removed',
  });
  await assert.rejects(engine.networks.create({ name: 'x', driver: 'overlay' }), { kind: 'unsupported' });
  await assert.rejects(engine.networks.create({ name: 'x', driver: 'weave' }), { kind: 'not-found' });
  const static9 = { networks: { net: { IPAMConfig: { IPv4Address: '10.78.0.9' } } } };
  await assert.rejects(engine.run('late', static9), {
    code: 'address-taken',
    message: /Address already in use/,
  });
  assert.throws(() => engine.networks.get('nosuch'), {
    kind: 'not-found',
    message: 'network nosuch not found',
  });
  assert.equal(engine.networks.get(net.id.slice(0, 5)).name, 'net');
  assert.equal(rulesOf(engine), before);
  assert.deepEqual(await engine.networks.prune(engine.networks.list()), []);
});

test('a network whose name service cannot listen is refused and leaves nothing', async (t) => {
  await using engine = await NetworkEngine.start();
  const before = rulesOf(engine);
  const links = await engine.links.listLinks(engine.instance.linkPrefix);
  const blocker = createSocket('udp4');
  const address = '10.78.1.1';
  t.after(() => blocker.close());
  const pools = [{ subnet: '10.78.1.0/24' }];
  await engine.links.ensureBridge({ name: 'vblock', addresses: [`${address}/32`], mtu: 1500 });
  await new Promise<void>((resolve) => blocker.bind(53, address, () => resolve()));
  await assert.rejects(engine.networks.create({ name: 'second', pools }), {
    code: 'pool-overlaps',
  });
  await engine.links.removeLink('vblock');
  await assert.rejects(engine.networks.create({ name: 'second', pools }), {
    code: 'resolver-port-taken',
    message: /10\.78\.1\.1: port 53 is taken/,
  });
  assert.equal(rulesOf(engine), before);
  assert.deepEqual(await engine.links.listLinks(engine.instance.linkPrefix), links);
});

test('ten containers in a network come and go and leave links, namespaces and rules as they were', async () => {
  await using engine = await NetworkEngine.start();
  const { linkPrefix } = engine.instance;
  const before = rulesOf(engine);
  const links = await engine.links.listLinks(linkPrefix);
  const net = await engine.networks.create({ name: 'net' });
  const running = [];
  for (let i = 0; i < 10; i += 1)
    running.push(
      await engine.run(`c${i}`, { networks: { net: {}, bridge: {} }, publish: [port('80/udp', 0)] }),
    );
  assert.equal(engine.networks.joined(net).length, 10);
  assert.equal((await engine.links.listLinks(`${linkPrefix}v`)).length, 20);
  for (const each of running) await engine.stop(each);
  assert.deepEqual(await engine.networks.prune(engine.networks.list()), ['net']);
  await untilLinksAre(engine, links);
  assert.deepEqual(await engine.links.listNamespaces(), []);
  assert.equal(rulesOf(engine), before);
  assert.deepEqual(engine.events.slice(0, 3), [
    'network create net',
    'network connect net',
    'network connect bridge',
  ]);
  assert.equal(engine.events.filter((event) => event === 'network disconnect net').length, 10);
  assert.deepEqual(engine.events.slice(-2), ['network destroy net', 'network prune ']);
});
