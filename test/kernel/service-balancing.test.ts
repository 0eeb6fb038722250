import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BalancedService, FilteredNetwork } from '#ports/packet-filter.ts';
import type { Peer } from '../support/peer.ts';
import { callTcp, callUdp } from '../support/peer-worker.ts';
import { becomePrivateHost } from '../support/private-host.ts';
import { run } from '../support/docker.ts';
import { HostNetwork } from '../support/host-network.ts';

becomePrivateHost();

const BLOCKED = /^(TIMEOUT|EHOSTUNREACH|ENETUNREACH|ECONNREFUSED)$/;
const VIRTUAL = '10.1.0.200';
const REPLICAS = ['10.1.0.11', '10.1.0.12', '10.1.0.13'];

interface World {
  bridge: string;
  client: Peer;
  replicas: Peer[];
  network: FilteredNetwork;
}

/** A network with a client and three replicas, which say their number to whoever calls port 80. */
async function world(host: HostNetwork, changes: Partial<FilteredNetwork> = {}): Promise<World> {
  const name = `${host.instance.linkPrefix}i`;
  const addresses = ['10.1.0.1/24', `${VIRTUAL}/32`];
  const seesBridged = await host.links.ensureBridge({ name, addresses, mtu: 1500, filtered: true });
  assert.ok(seesBridged, 'this kernel has br_netfilter');
  const gateway = changes.internal === true ? {} : { gateway: '10.1.0.1' };
  const client = await host.peer(name, '10.1.0.10', gateway);
  const replicas = [];
  for (const [index, address] of REPLICAS.entries()) {
    const replica = await host.peer(name, address, gateway);
    await replica.serveTcp(80, String(index + 1));
    await replica.serveUdp(80, String(index + 1));
    await replica.serveEcho(81, String(index + 1));
    replicas.push(replica);
  }
  const network = {
    bridge: name,
    subnets: ['10.1.0.0/24'],
    internal: false,
    masquerade: true,
    interContainer: true,
    seesBridged,
    ...changes,
  };
  return { bridge: name, client, replicas, network };
}

function service(bridge: string, changes: Partial<BalancedService> = {}): BalancedService {
  return { key: 'shop/web', bridge, addresses: [VIRTUAL], backends: REPLICAS, ports: [], ...changes };
}

test('connections to a service are spread evenly, and each replica sees the client’s own address', async () => {
  await using host = new HostNetwork();
  const { bridge, client, network } = await world(host);
  await host.filter.reset([network], [], [service(bridge)]);
  const answers = await client.tally(VIRTUAL, 80, 300);
  assert.deepEqual(Object.keys(answers).sort(), ['1 10.1.0.10', '2 10.1.0.10', '3 10.1.0.10']);
  // Three standard deviations of a third of 300 are 25: outside of it once in 370 runs; here five, never.
  for (const [answer, count] of Object.entries(answers))
    assert.ok(Math.abs(count - 100) < 41, `${answer} came ${count} times of 300`);
  assert.match(await client.udp(VIRTUAL, 80, 'hello'), /^[123] 10\.1\.0\.10 hello$/);
});

test('without a ready replica a connection is refused at once, by the network and by the host', async () => {
  await using host = new HostNetwork();
  const { bridge, client, network } = await world(host);
  await host.filter.reset([network], [], [service(bridge, { backends: [] })]);
  assert.equal(await client.tcp(VIRTUAL, 80), 'ECONNREFUSED');
  assert.equal(await callTcp(VIRTUAL, 80), 'ECONNREFUSED');
  const udp = { do: 'udp', host: VIRTUAL, port: 80, message: 'hello', patience: 300 } as const;
  assert.match(await callUdp(udp), BLOCKED);
  await host.filter.apply([{ do: 'set-service', service: service(bridge) }]);
  assert.match(await client.tcp(VIRTUAL, 80), /^[123] /);
  assert.equal(await client.tcp(VIRTUAL, 99), 'ECONNREFUSED', 'no program of a replica has this port');
});

test('a connection goes on at a replica that leaves, while new ones go to those that stay', async () => {
  await using host = new HostNetwork();
  const { bridge, client, network } = await world(host);
  await host.filter.reset([network], [], [service(bridge, { backends: REPLICAS.slice(0, 1) })]);
  const kept = await client.open(VIRTUAL, 81);
  assert.equal(await kept.say('a'), '1 a');
  await host.filter.apply([{ do: 'set-service', service: service(bridge, { backends: REPLICAS.slice(1) }) }]);
  const answers = Object.keys(await client.tally(VIRTUAL, 80, 20)).sort();
  assert.deepEqual(answers, ['2 10.1.0.10', '3 10.1.0.10']);
  assert.equal(await kept.say('b'), '1 b');
  await host.filter.apply([{ do: 'set-service', service: service(bridge, { backends: [] }) }]);
  assert.equal(await kept.say('c'), '1 c');
  await host.filter.reset([network], [], [service(bridge, { backends: [] })]);
  assert.equal(await kept.say('d'), '1 d');
  assert.equal(await client.tcp(VIRTUAL, 80), 'ECONNREFUSED');
});

test('a UDP sender that goes on finds another replica when its own leaves', async () => {
  await using host = new HostNetwork();
  const { bridge, client, network } = await world(host);
  await host.filter.reset([network], [], [service(bridge, { backends: REPLICAS.slice(0, 1) })]);
  const send = (): Promise<string> => client.udp(VIRTUAL, 80, 'hello', 300, 40000);
  assert.equal(await send(), '1 10.1.0.10 hello');
  const next = service(bridge, { backends: REPLICAS.slice(1, 2) });
  await host.filter.apply([{ do: 'set-service', service: next }]);
  assert.equal(await send(), '2 10.1.0.10 hello');
});

test('a replica that calls its own service is answered, by itself too', async () => {
  await using host = new HostNetwork();
  const { bridge, replicas, network } = await world(host);
  await host.filter.reset([network], [], [service(bridge)]);
  const [first] = replicas;
  assert.ok(first !== undefined);
  const answers = Object.keys(await first.tally(VIRTUAL, 80, 40)).sort();
  assert.deepEqual(answers, ['1 10.1.0.1', '2 10.1.0.11', '3 10.1.0.11']);
});

test('the host itself calls a service, of an internal network too', async () => {
  await using host = new HostNetwork();
  const { bridge, client, network } = await world(host, { internal: true });
  await host.filter.reset([network], [], [service(bridge)]);
  assert.match(await callTcp(VIRTUAL, 80), /^[123] 10\.1\.0\.1$/);
  assert.match(await client.tcp(VIRTUAL, 80), /^[123] 10\.1\.0\.10$/);
});

test('a service’s address is for its own network only', async () => {
  await using host = new HostNetwork();
  const { bridge, network } = await world(host);
  const other = await host.bridge('j', '10.2.0');
  const stranger = await host.peer(other, '10.2.0.2', { gateway: '10.2.0.1' });
  const theirs = { ...network, bridge: other, subnets: ['10.2.0.0/24'] };
  await host.filter.reset([network], [], [service(bridge)]);
  assert.match(await stranger.tcp(VIRTUAL, 80), BLOCKED, 'as one who routes to it from outside');
  await host.filter.reset([network, theirs], [], [service(bridge)]);
  assert.match(await stranger.tcp(VIRTUAL, 80), BLOCKED);
  await host.filter.apply([{ do: 'set-service', service: service(bridge, { backends: [] }) }]);
  assert.match(await stranger.tcp(VIRTUAL, 80), BLOCKED);
  const closed = { ...network, interContainer: false };
  await host.filter.reset([closed, theirs], [], [service(bridge)]);
  const neighbour = await host.peer(bridge, '10.1.0.30', { isolated: true, gateway: '10.1.0.1' });
  assert.match(await neighbour.tcp(VIRTUAL, 80), BLOCKED, 'its containers do not reach each other');
});

test('where bridged traffic passes no rules, the gateway stands for the client', async () => {
  await using host = new HostNetwork();
  const { bridge, client, replicas, network } = await world(host);
  await host.filter.reset([{ ...network, seesBridged: false }], [], [service(bridge)]);
  assert.match(await client.tcp(VIRTUAL, 80), /^[123] 10\.1\.0\.1$/);
  assert.equal(await replicas[0]?.tcp('10.1.0.12', 80), '2 10.1.0.11');
});

test('with affinity a client keeps its replica when others come and go, and gets another when it leaves', async () => {
  await using host = new HostNetwork();
  const { bridge, client, replicas, network } = await world(host);
  const sticky = (backends: string[]): BalancedService => service(bridge, { backends, affinity: 60 });
  await host.filter.reset([network], [], [sticky(REPLICAS)]);
  const own = async (): Promise<string> => {
    const answers = Object.keys(await client.tally(VIRTUAL, 80, 12));
    assert.equal(answers.length, 1, answers.join());
    return REPLICAS[Number(answers[0]?.[0]) - 1] ?? '';
  };
  const first = await own();
  await host.filter.apply([{ do: 'set-service', service: sticky([first]) }]);
  assert.equal(await own(), first);
  await host.filter.apply([{ do: 'set-service', service: sticky([...REPLICAS].reverse()) }]);
  assert.equal(await own(), first);
  await host.filter.reset([network], [], [sticky(REPLICAS)]);
  assert.equal(await own(), first, 'a restart of the daemon forgets nothing');
  const rest = REPLICAS.filter((each) => each !== first);
  await host.filter.apply([{ do: 'set-service', service: sticky(rest) }]);
  const second = await own();
  assert.ok(rest.includes(second));
  await host.filter.apply([{ do: 'set-service', service: sticky(REPLICAS) }]);
  assert.equal(await own(), second);
  const seen = new Set<string>();
  for (const replica of replicas) seen.add(Object.keys(await replica.tally(VIRTUAL, 80, 3)).join());
  assert.equal(seen.size, 3, 'each client has its own');
});

test('a remembered client is forgotten after the time without a new connection', async () => {
  await using host = new HostNetwork();
  const { bridge, client, network } = await world(host);
  await host.filter.reset([network], [], [service(bridge, { affinity: 1 })]);
  const seen = new Set<string>();
  for (let round = 0; round < 12 && seen.size < 2; round += 1) {
    seen.add((await client.tcp(VIRTUAL, 80)).slice(0, 1));
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
  assert.ok(seen.size > 1, 'a third of the draws gives the same, twelve times in a row never');
});

test('ports of the host lead to the replicas, from outside, from the host and from loopback', async () => {
  await using host = new HostNetwork();
  const { bridge, network } = await world(host);
  const outside = await host.bridge('o', '198.51.100');
  const visitor = await host.peer(outside, '198.51.100.2');
  const ports = [
    { protocol: 'tcp', hostIp: '', hostPort: 8080, targetPort: 80 },
    { protocol: 'udp', hostIp: '', hostPort: 8080, targetPort: 80 },
    { protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 8081, targetPort: 80 },
  ] as const;
  const published = (changes: Partial<BalancedService> = {}): BalancedService =>
    service(bridge, { ports: [...ports], ...changes });
  await host.filter.reset([network], [], [published()]);
  const answers = Object.keys(await visitor.tally('198.51.100.1', 8080, 40)).sort();
  assert.deepEqual(answers, ['1 198.51.100.2', '2 198.51.100.2', '3 198.51.100.2']);
  assert.match(await visitor.udp('198.51.100.1', 8080, 'hello'), /^[123] 198\.51\.100\.2 hello$/);
  assert.match(await callTcp('127.0.0.1', 8080), /^[123] 10\.1\.0\.1$/);
  assert.match(await callTcp('127.0.0.1', 8081), /^[123] 10\.1\.0\.1$/);
  assert.match(await visitor.tcp('198.51.100.1', 8081), BLOCKED);
  await host.filter.apply([{ do: 'set-service', service: published({ backends: [] }) }]);
  assert.equal(await visitor.tcp('198.51.100.1', 8080), 'ECONNREFUSED');
  assert.equal(await callTcp('127.0.0.1', 8081), 'ECONNREFUSED');
  await host.filter.apply([{ do: 'set-service', service: published({ affinity: 60 }) }]);
  assert.equal(Object.keys(await visitor.tally('198.51.100.1', 8080, 12)).length, 1);
  await host.filter.apply([{ do: 'remove-service', key: 'shop/web' }]);
  assert.equal(await visitor.tcp('198.51.100.1', 8080), 'ECONNREFUSED');
});

test('a service of an IPv6 network is spread likewise', async () => {
  await using host = new HostNetwork();
  const name = `${host.instance.linkPrefix}s`;
  const virtual = 'fd00:1::c8';
  const addresses = ['fd00:1::1/64', `${virtual}/128`];
  const seesBridged = await host.links.ensureBridge({ name, addresses, mtu: 1500, filtered: true });
  const backends = ['fd00:1::11', 'fd00:1::12'];
  const peers = [];
  for (const address of [...backends, 'fd00:1::10']) peers.push(await host.peer6(name, address, 'fd00:1::1'));
  const [one, two, client] = peers;
  assert.ok(one !== undefined && two !== undefined && client !== undefined);
  await one.serveTcp(80, '1');
  await two.serveTcp(80, '2');
  const network = {
    bridge: name,
    subnets: ['fd00:1::/64'],
    internal: false,
    masquerade: true,
    interContainer: true,
    seesBridged,
  };
  const web = service(name, { addresses: [virtual], backends });
  await host.filter.reset([network], [], [web]);
  assert.deepEqual(Object.keys(await client.tally(virtual, 80, 20)).sort(), ['1 fd00:1::10', '2 fd00:1::10']);
  assert.deepEqual(Object.keys(await one.tally(virtual, 80, 20)).sort(), ['1 fd00:1::1', '2 fd00:1::11']);
  assert.match(await callTcp(virtual, 80), /^[12] fd00:1::1$/);
  await host.filter.apply([{ do: 'set-service', service: { ...web, affinity: 60 } }]);
  assert.equal(Object.keys(await client.tally(virtual, 80, 12)).length, 1);
  await host.filter.apply([{ do: 'set-service', service: { ...web, backends: [] } }]);
  assert.equal(await client.tcp(virtual, 80), 'ECONNREFUSED');
});

test('nothing is left in the kernel of a service that is gone, also where a daemon before had it', async () => {
  await using host = new HostNetwork();
  const chains = async (): Promise<string[]> => {
    const { stdout } = await run('nft', ['list', 'table', 'inet', host.instance.table]);
    return [...stdout.matchAll(/chain ((?:draw|keep)_\S+)/g)].map(([, name = '']) => name).sort();
  };
  const [web, worker] = [
    service('br0'),
    service('br0', { key: 'shop/worker', addresses: ['10.1.0.201'], affinity: 60 }),
  ];
  await host.filter.reset([], [], [web, worker]);
  assert.deepEqual(await chains(), ['draw_vip4_3', 'keep_vip4_3_60']);
  await host.filter.apply([{ do: 'remove-service', key: worker.key }]);
  assert.deepEqual(await chains(), ['draw_vip4_3']);
  await host.filter.apply([{ do: 'set-service', service: worker }]);
  assert.deepEqual(await chains(), ['draw_vip4_3', 'keep_vip4_3_60']);
  await host.filter.reset([], [], [{ ...web, backends: REPLICAS.slice(1) }]);
  assert.deepEqual(await chains(), ['draw_vip4_2']);
});

test('a change of one service costs the same among 300 as alone', async () => {
  await using host = new HostNetwork();
  const some = (count: number): BalancedService[] =>
    Array.from({ length: count }, (_, at) =>
      service('br0', {
        key: `shop/${at}`,
        addresses: [`10.2.${Math.floor(at / 200)}.${at % 200}`],
        backends: [11, 12, 13].map((last) => `10.3.${at % 256}.${last + 20 * Math.floor(at / 256)}`),
      }),
    );
  const fastest = async (count: number): Promise<number> => {
    const [first, ...others] = some(count);
    assert.ok(first !== undefined);
    await host.filter.reset([], [], [first, ...others]);
    let least = Infinity;
    for (let round = 0; round < 30; round += 1) {
      const begun = performance.now();
      const backends = first.backends.slice(round % 2);
      await host.filter.apply([{ do: 'set-service', service: { ...first, backends } }]);
      least = Math.min(least, performance.now() - begun);
    }
    return least;
  };
  const [alone, among] = [await fastest(1), await fastest(300)];
  // Three times as much would be hundreds of services looked at; 1 ms is the clock's and the threads' share.
  assert.ok(among < 3 * alone + 1, `${among.toFixed(2)} ms among 300, ${alone.toFixed(2)} ms alone`);
});
