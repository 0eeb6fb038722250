// Requests a second through Berth's HAProxy, through HAProxy as a person would configure it, and through Caddy, in
// one run: sh scripts/with-node.sh bench/ingress.ts [--rounds 7] [--out bench/INGRESS.md]
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { HaproxyBalancer } from '#adapters/haproxy/haproxy-balancer.ts';
import { buildTable } from '#domain/ingress/build-table.ts';
import { standardShape } from '#domain/ingress/model.ts';

const run = promisify(execFile);
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, out: { type: 'string' } },
});
const rounds = Number(values.rounds);
const host = 'shop.test';
const ports = { replicas: [28101, 28102], berth: 28110, hand: 28120, caddy: 28130 };

async function listening(port: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await setTimeout(20);
    } finally {
      socket.destroy();
    }
  }
}

/** Two replicas that answer as fast as anything can. */
const replicas = `global
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 1s
${ports.replicas
  .map(
    (port) =>
      `frontend r${port}\n  bind 127.0.0.1:${port}\n  http-request return status 200 content-type text/plain string "hello from a replica\\n"\n`,
  )
  .join('')}`;

/** What the manual's examples lead to: one host, two servers, headers about the client. */
const byHand = `global
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 1s
frontend in
  bind 127.0.0.1:${ports.hand}
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  acl shop hdr(host) -i ${host}
  use_backend shop if shop
backend shop
  balance roundrobin
${ports.replicas.map((port) => `  server s${port} 127.0.0.1:${port}\n`).join('')}`;

const caddyfile = `{
  admin off
  auto_https off
}
http://${host}:${ports.caddy} {
  reverse_proxy ${ports.replicas.map((port) => `127.0.0.1:${port}`).join(' ')} {
    lb_policy round_robin
  }
}
`;

function openBerth(folder: string): HaproxyBalancer {
  return new HaproxyBalancer({
    folder: join(folder, 'berth'),
    log: join(folder, 'access.log'),
    settings: {
      instance: 'bench',
      addresses: ['127.0.0.1'],
      trustedProxies: [],
      challengePort: ports.berth,
      accessLog: false,
    },
    report: (problem, error) => console.error(problem, error),
  });
}

async function serve(balancer: HaproxyBalancer): Promise<void> {
  const route = {
    ...{ app: 'shop', service: 'web', host, path: '/', exact: false, priority: 0, port: 80, at: '' },
    ...{ tls: 'off' as const, redirect: true, acceptProxy: false, shape: standardShape },
  };
  const table = buildTable([route], { httpPort: ports.berth, httpsPort: ports.berth + 1 });
  const [backend] = table.backends;
  // As an update does it: the servers are added to the process while it runs.
  await balancer.apply(table);
  const servers = ports.replicas.map((port) => ({ id: `r${port}`, address: '127.0.0.1', port }));
  await balancer.setServers(backend?.name ?? '', servers);
}

/** Requests a second, and how many failed. */
async function measure(port: number): Promise<{ rate: number; failed: number }> {
  const { stdout } = await run('wrk', [
    '-t2',
    '-c64',
    '-d3s',
    '-H',
    `Host: ${host}`,
    `http://127.0.0.1:${port}/`,
  ]);
  const errors = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? '0';
  const socket = /Socket errors: .*/.exec(stdout)?.[0].match(/\d+/g) ?? [];
  const failed = Number(errors) + socket.reduce((sum, one) => sum + Number(one), 0);
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0), failed };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

const folder = await mkdtemp('/var/tmp/berth-bench-');
const children: ChildProcess[] = [];
const start = async (program: string, args: string[], port: number): Promise<void> => {
  // In sessions of their own, as Berth's is: the kernel shares the processors out between sessions.
  const env = { ...process.env, HOME: folder };
  children.push(spawn(program, args, { stdio: 'ignore', env, detached: true }));
  await listening(port);
};
const balancer = openBerth(folder);
try {
  const files = { 'replicas.cfg': replicas, 'hand.cfg': byHand, Caddyfile: caddyfile };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  await start('haproxy', ['-db', '-f', join(folder, 'replicas.cfg')], ports.replicas[1] ?? 0);
  await start('haproxy', ['-db', '-f', join(folder, 'hand.cfg')], ports.hand);
  await start('caddy', ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'], ports.caddy);
  await serve(balancer);
  const subjects = { berth: ports.berth, hand: ports.hand, caddy: ports.caddy };
  const rates: Record<string, number[]> = { berth: [], hand: [], caddy: [] };
  const failed: number[] = [];
  for (let round = 0; round < rounds; round += 1)
    for (const [name, port] of Object.entries(subjects)) {
      const result = await measure(port);
      rates[name]?.push(result.rate);
      failed.push(result.failed);
    }
  const version = async (program: string, argument: string): Promise<string> =>
    (await run(program, [argument])).stdout.split('\n')[0]?.trim() ?? '';
  const of = (name: string): number => median(rates[name] ?? []);
  const row = (label: string, name: string): string =>
    `| ${label} | ${of(name).toFixed(0)} | ${(of('berth') / of(name)).toFixed(2)} |`;
  const report = [
    '# Ingress: requests a second',
    '',
    `${cpus().length} cores, ${rounds} rounds of 3 s each in turn, medians; wrk with 64 connections, two replicas. Failed requests: ${failed.reduce((sum, one) => sum + one, 0)}.`,
    `${await version('haproxy', '-v')}; Caddy ${await version('caddy', 'version')}.`,
    '',
    '| through | requests/s | Berth is so many times as fast |',
    '| --- | --- | --- |',
    row('Berth (HAProxy, servers added at run time)', 'berth'),
    row('HAProxy configured by hand', 'hand'),
    row('Caddy', 'caddy'),
    '',
  ].join('\n');
  console.log(report);
  if (values.out !== undefined) await writeFile(values.out, report);
} finally {
  await balancer.apply({ listeners: [], backends: [] });
  balancer.close();
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
}
