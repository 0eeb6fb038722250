import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BalancedService } from '#ports/packet-filter.ts';
import { HostNetwork } from '../test/support/host-network.ts';
import { callTcp } from '../test/support/peer-worker.ts';
import { becomePrivateHost } from '../test/support/private-host.ts';
import { median, timed } from './measure.ts';

// What a service's address and its port of the host cost beside a direct call and beside docker-proxy: wrk against
// HAProxy's own answers, in namespaces of a private host. And what a change of a service costs among many.
//
//     sh scripts/with-node.sh bench/services.ts [ROUNDS]

becomePrivateHost();
const rounds = Number(process.argv[2] ?? 5);
const seconds = 2;
const virtual = '10.1.0.200';
const replicas = ['10.1.0.11', '10.1.0.12'];
const largeBytes = 256 * 1024;

interface Way {
  name: string;
  namespace: string;
  address: string;
}

const inside = (namespace: string, ...command: string[]): string[] => [
  'nsenter',
  `--net=${namespace}`,
  ...command,
];

async function wrk({ namespace, address }: Way, path: string, ...options: string[]): Promise<string> {
  const load = ['wrk', '-t1', '-c16', `-d${seconds}s`, ...options, `http://${address}${path}`];
  const { stdout } = await timed(inside(namespace, ...load));
  if (stdout.includes('Non-2xx')) throw new Error(stdout);
  return stdout;
}

async function connectionsPerSecond(way: Way): Promise<number> {
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(await wrk(way, '/', '-H', 'Connection: close'))?.[1]);
}

async function megabytesPerSecond(way: Way): Promise<number> {
  const [, value, unit] = /Transfer\/sec:\s+([\d.]+)(\w)B/.exec(await wrk(way, '/large')) ?? [];
  return Number(value) * (unit === 'G' ? 1024 : 1);
}

/** Every way once in each round, beginning with another each time, so that a busy moment hits all. */
async function table(title: string, ways: Way[], one: (way: Way) => Promise<number>): Promise<void> {
  const found = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const first = round % ways.length;
    for (const way of [...ways.slice(first), ...ways.slice(0, first)])
      found.get(way.name)?.push(await one(way));
  }
  const base = median([...found.values()][0] ?? []);
  for (const [name, values] of found)
    console.log(
      `| ${title} | ${name} | ${median(values).toFixed(0)} | ${(median(values) / base).toFixed(2)} |`,
    );
}

function service(changes: Partial<BalancedService> = {}): BalancedService {
  const ports = [{ protocol: 'tcp', hostIp: '', hostPort: 8080, targetPort: 80 }] as const;
  return { key: 'a/web', bridge, addresses: [virtual], backends: replicas, ports: [...ports], ...changes };
}

async function changeMs(host: HostNetwork, count: number): Promise<number> {
  const others = Array.from({ length: count - 1 }, (_, at) => {
    const net = `10.1.${1 + Math.floor(at / 60)}`;
    const of = (last: number): string => `${net}.${4 * (at % 60) + last}`;
    return service({ key: `a/${at}`, addresses: [of(0)], backends: [of(1), of(2), of(3)], ports: [] });
  });
  await host.filter.reset([network], [], [service(), ...others]);
  const times: number[] = [];
  for (let round = 0; round < 40; round += 1) {
    const begun = performance.now();
    const backends = replicas.slice(0, 1 + (round % 2));
    await host.filter.apply([{ do: 'set-service', service: service({ backends }) }]);
    times.push(performance.now() - begun);
  }
  return median(times);
}

const folder = await mkdtemp(join(tmpdir(), 'berth-bench-'));
const children: ChildProcess[] = [];
// docker-proxy says on its fourth descriptor that it listens, and closes it.
const start = (...command: string[]): number =>
  children.push(
    spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] }),
  );
await using host = new HostNetwork();
const bridge = `${host.instance.linkPrefix}i`;
const addresses = ['10.1.0.1/16', `${virtual}/32`];
const seesBridged = await host.links.ensureBridge({ name: bridge, addresses, mtu: 1500, filtered: true });
const shape = { internal: false, masquerade: true, interContainer: true, seesBridged };
const network = { bridge, subnets: ['10.1.0.0/16'], ...shape };
try {
  await writeFile(join(folder, 'large'), Buffer.alloc(largeBytes, 'x'));
  const config = join(folder, 'haproxy.cfg');
  const answers = `http-request return status 200 content-type text/plain file ${folder}/large if { path /large }
    http-request return status 200 content-type text/plain string ok`;
  await writeFile(
    config,
    `global
    nbthread 1
    tune.bufsize ${2 * largeBytes}
defaults
    mode http
    timeout client 9s
frontend web
    bind :80
    ${answers}
`,
  );
  const client = await host.peer(bridge, '10.1.0.10', { gateway: '10.1.0.1' });
  for (const address of replicas) {
    const peer = await host.peer(bridge, address, { gateway: '10.1.0.1' });
    start(...inside(peer.namespace, 'haproxy', '-db', '-f', config));
  }
  const outer = await host.bridge('o', '198.51.100');
  const visitor = await host.peer(outer, '198.51.100.2');
  const proxied = [
    '-host-ip',
    '0.0.0.0',
    '-host-port',
    '8081',
    '-container-ip',
    '10.1.0.11',
    '-container-port',
    '80',
  ];
  start('/usr/sbin/docker-proxy', '-proto', 'tcp', ...proxied);
  // One replica, as the other ways have one container: two servers would share the processors.
  await host.filter.reset([network], [], [service({ backends: replicas.slice(0, 1) })]);
  const open = async (address: string, port: number): Promise<void> => {
    while ((await callTcp(address, port)) === 'ECONNREFUSED') await sleep(20);
  };
  for (const address of replicas) await open(address, 80);
  await open('198.51.100.1', 8081);
  const within = [
    { name: 'direct to one container', namespace: client.namespace, address: '10.1.0.11' },
    { name: "by the service's address", namespace: client.namespace, address: virtual },
  ];
  const without = [
    { name: 'docker-proxy', namespace: visitor.namespace, address: '198.51.100.1:8081' },
    { name: "the service's port", namespace: visitor.namespace, address: '198.51.100.1:8080' },
  ];
  const versions = await Promise.all([timed(['haproxy', '-v']), timed(['docker', '--version'])]);
  console.log(
    `Linux ${release()}, ${cpus().length} x ${cpus()[0]?.model ?? ''}, ${rounds} rounds of ${seconds} s`,
  );
  for (const { stdout } of versions) console.log(stdout.split('\n')[0]);
  console.log('\n| what | way | median | ratio to the first |\n| --- | --- | --- | --- |');
  await table('new connections/s', within, connectionsPerSecond);
  await table('MB/s', within, megabytesPerSecond);
  await table('new connections/s', without, connectionsPerSecond);
  await table('MB/s', without, megabytesPerSecond);
  for (const count of [1, 300])
    console.log(
      `| ms for a change | of 1 service among ${count} | ${(await changeMs(host, count)).toFixed(2)} | |`,
    );
} finally {
  for (const child of children) {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
  await rm(folder, { recursive: true });
}
