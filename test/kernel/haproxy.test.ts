import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Agent, createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { backendOf } from '#domain/ingress/build-table.ts';
import type { BackendServer } from '#domain/ingress/table.ts';
import { askHttp, echoed, echoServer, openIngress, route } from '../support/ingress.ts';

const at = (id: string, { port }: { port: number }): BackendServer => ({ id, address: '127.0.0.1', port });
const web = backendOf(route({})).name;

test('requests go by host and path to the longest match, and to nobody without one', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  await using two = await echoServer('two');
  const { balancer, ports, table } = ingress;
  const api = { service: 'api' };
  await balancer.setServers(web, [at('one', one)]);
  await balancer.setServers(backendOf(route(api)).name, [at('two', two)]);
  await balancer.apply(
    table(
      route({}),
      route({ ...api, path: '/api' }),
      route({ ...api, host: '*.w.test' }),
      route({ ...api, path: '/only', exact: true }),
    ),
  );
  const served = async (host: string, path: string): Promise<string> => {
    const answer = await askHttp(ports.httpPort, { host, path });
    return answer.status === 200 ? echoed(answer).name : String(answer.status);
  };
  const cases: [host: string, path: string, name: string][] = [
    ['a.test', '/', 'one'],
    ['A.TEST:8080', '/x?y', 'one'],
    ['a.test', '/api', 'two'],
    ['a.test', '/api/v1', 'two'],
    ['a.test', '/apix', 'one'],
    ['a.test', '/only', 'two'],
    ['a.test', '/only/x', 'one'],
    ['b.w.test', '/', 'two'],
    ['w.test', '/', '404'],
    ['c.b.w.test', '/', '404'],
    ['other.test', '/', '404'],
  ];
  for (const [host, path, name] of cases) assert.equal(await served(host, path), name, `${host}${path}`);
});

test('servers, hosts and paths change in the running process; a new port takes over by a reload', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  await using two = await echoServer('two');
  const { balancer, ports, table } = ingress;
  await balancer.apply(table(route({})));
  assert.equal((await askHttp(ports.httpPort)).status, 503);
  const worker = await balancer.worker();
  await balancer.setServers(web, [at('one', one)]);
  assert.equal(echoed(await askHttp(ports.httpPort)).name, 'one');
  await balancer.setServers(web, [at('two', two)]);
  for (let i = 0; i < 4; i += 1) assert.equal(echoed(await askHttp(ports.httpPort)).name, 'two');
  await balancer.setServers(web, [at('one', one), at('two', two)]);
  const names = new Set<string>();
  for (let i = 0; i < 4; i += 1) names.add(echoed(await askHttp(ports.httpPort)).name);
  assert.deepEqual([...names].sort(), ['one', 'two']);
  await balancer.apply(table(route({}), route({ host: 'new.test', path: '/x' })));
  assert.equal((await askHttp(ports.httpPort, { host: 'new.test', path: '/x/y' })).status, 200);
  await balancer.apply(table(route({})));
  assert.equal((await askHttp(ports.httpPort, { host: 'new.test', path: '/x/y' })).status, 404);
  assert.equal(await balancer.worker(), worker);
  await balancer.apply(table(route({}), route({ entrypoint: ports.httpsPort })));
  assert.notEqual(await balancer.worker(), worker);
  assert.equal((await askHttp(ports.httpsPort)).status, 200);
  assert.deepEqual(ingress.reports, []);
});

test('no request fails while servers come and go and HAProxy is reloaded again and again', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  await using two = await echoServer('two');
  const { balancer, ports, table } = ingress;
  await balancer.setServers(web, [at('one', one)]);
  await balancer.apply(table(route({})));
  let done = false;
  const counts = { answered: 0, failed: 0 };
  const clients = Array.from({ length: 4 }, async () => {
    while (!done) {
      const status = await askHttp(ports.httpPort).then(
        (answer) => answer.status,
        (error: unknown) => String(error),
      );
      counts[status === 200 ? 'answered' : 'failed'] += 1;
    }
  });
  for (let round = 0; round < 6; round += 1) {
    await balancer.setServers(web, [at(`two-${round}`, two), at('one', one)]);
    await balancer.setServers(web, [at(`two-${round}`, two)]);
    const shape = { responseHeaders: { 'X-Round': String(round) } };
    await balancer.apply(table(route({}), route({ host: 'b.test', shape })));
    await balancer.setServers(web, [at('one', one)]);
  }
  done = true;
  await Promise.all(clients);
  assert.ok(counts.answered > 100, `${counts.answered} requests were answered`);
  assert.equal(counts.failed, 0, `${counts.failed} of ${counts.answered} requests failed`);
  assert.deepEqual(ingress.reports, []);
});

test('killed master or worker: another one serves at once, with the servers of then', async (t) => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  const { balancer, ports, table, folder } = ingress;
  await balancer.apply(table(route({})));
  await balancer.setServers(web, [at('one', one)]);
  // A connection that met the dead one's socket would only try again after a second.
  const served = async (): Promise<boolean> =>
    askHttp(ports.httpPort, { signal: AbortSignal.timeout(100) }).then(
      (answer) => answer.status === 200,
      () => false,
    );
  const victims = [
    async () => balancer.worker(),
    async () => Number(await readFile(join(folder, 'haproxy/pid'), 'utf8')),
  ];
  for (const victim of victims) {
    const before = await balancer.worker();
    const pid = await victim();
    assert.ok(pid !== undefined && pid > 0);
    process.kill(pid, 'SIGKILL');
    const began = performance.now();
    const isAnother = (now: number | undefined): boolean => now !== undefined && now !== before;
    while (!(await served()) || !isAnother(await balancer.worker()))
      assert.ok(performance.now() - began < 5000, ingress.reports.join());
    const took = performance.now() - began;
    // A second at most on a machine that has nothing else to do.
    t.diagnostic(`it served again after ${took.toFixed(0)} ms`);
    assert.ok(took < 4000, `it took ${took.toFixed(0)} ms`);
  }
});

test('another daemon takes over what runs, and changes it without a reload', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  await using two = await echoServer('two');
  const { balancer, ports, table, again } = ingress;
  await balancer.setServers(web, [at('one', one)]);
  await balancer.apply(table(route({})));
  const worker = await balancer.worker();
  balancer.close();
  assert.equal(echoed(await askHttp(ports.httpPort)).name, 'one');
  const next = again();
  await next.setServers(web, [at('two', two)]);
  await next.apply(table(route({}), route({ host: 'b.test' })));
  assert.equal(echoed(await askHttp(ports.httpPort, { host: 'b.test' })).name, 'two');
  assert.equal(await next.worker(), worker);
  await next.apply({ listeners: [], backends: [] });
  next.close();
  await assert.rejects(askHttp(ports.httpPort), /ECONNREFUSED/);
});

test('a server that was added while it ran keeps its connection for the next request', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  const { balancer, ports, table } = ingress;
  await balancer.apply(table(route({})));
  await balancer.setServers(web, [at('one', one)]);
  let connections = 0;
  one.server.on('connection', () => (connections += 1));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 5; i += 1) assert.equal((await askHttp(ports.httpPort, { agent })).status, 200);
  agent.destroy();
  assert.equal(connections, 1);
});

test('a server that comes back at another address gets requests there, also while it is still leaving', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  await using two = await echoServer('two');
  const { balancer, ports, table } = ingress;
  await balancer.setServers(web, [at('replica', one)]);
  await balancer.apply(table(route({})));
  const served = async (): Promise<string> => echoed(await askHttp(ports.httpPort)).name;
  assert.equal(await served(), 'one');
  await balancer.setServers(web, []);
  await balancer.setServers(web, [at('replica', two)]);
  assert.equal(await served(), 'two');
  await balancer.setServers(web, [at('replica', one)]);
  assert.equal(await served(), 'one');
});

test('a port that is taken is refused, and what was served goes on', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  const { balancer, ports, table } = ingress;
  await balancer.setServers(web, [at('one', one)]);
  await balancer.apply(table(route({})));
  const wanted = table(route({}), route({ host: 'b.test', entrypoint: one.port }));
  await assert.rejects(balancer.apply(wanted), /cannot listen on 127\.0\.0\.1, port \d+: another program/);
  assert.equal(echoed(await askHttp(ports.httpPort)).name, 'one');
});

test('a configuration that HAProxy refuses changes nothing, not even who may enter', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  const { balancer, ports, table } = ingress;
  const guarded = route({ shape: { users: { lines: ['ann:secret'] } } });
  await balancer.setServers(backendOf(guarded).name, [at('one', one)]);
  await balancer.apply(table(guarded));
  const worker = await balancer.worker();
  const refused = table(route({ host: 'b.test', shape: { requestHeaders: { 'no header': 'x' } } }));
  await assert.rejects(balancer.apply(refused), { code: 'balancer-failed', message: /set-header/ });
  await balancer.setChallenge('/.well-known/acme-challenge/x', 'y');
  const headers = { authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}` };
  assert.equal((await askHttp(ports.httpPort, { headers })).status, 200);
  assert.equal((await askHttp(ports.httpPort)).status, 401);
  assert.equal(await balancer.worker(), worker);
});

test('it ends with all that it had, but with nobody who only reads its configuration', async (t) => {
  await using ingress = await openIngress();
  const { balancer, ports, table, folder } = ingress;
  await balancer.apply(table(route({})));
  const reader = spawn('tail', ['-f', join(folder, 'haproxy/haproxy.cfg')], { stdio: 'ignore' });
  t.after(() => reader.kill());
  await once(reader, 'spawn');
  await balancer.apply({ listeners: [], backends: [] });
  await assert.rejects(askHttp(ports.httpPort), /ECONNREFUSED/);
  assert.equal(existsSync(join(folder, 'haproxy')), false);
  assert.deepEqual([reader.exitCode, reader.signalCode], [null, null]);
});

test('a server that leaves finishes what it works on', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  await using two = await echoServer('two');
  const { balancer, ports, table } = ingress;
  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  one.server.removeAllListeners('request');
  one.server.on('request', (_asked, answer) => {
    asked.resolve();
    void release.promise.then(() => answer.end('late'));
  });
  await balancer.setServers(web, [at('one', one)]);
  await balancer.apply(table(route({})));
  const late = askHttp(ports.httpPort);
  await asked.promise;
  const inFlight = async (): Promise<number | undefined> => (await balancer.load()).get(web)?.inFlight;
  assert.equal(await inFlight(), 1);
  await balancer.setServers(web, [at('two', two)]);
  assert.equal(echoed(await askHttp(ports.httpPort)).name, 'two');
  assert.equal(await inFlight(), 1);
  release.resolve();
  assert.equal((await late).text, 'late');
  assert.equal(await inFlight(), 0);
});

test('what goes on and how many requests there were is told for each backend', async () => {
  await using ingress = await openIngress();
  const held: ServerResponse[] = [];
  const server = createServer((asked, answer) => {
    if (asked.url === '/hold') held.push(answer);
    else answer.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const { balancer, ports, table } = ingress;
  assert.equal((await balancer.load()).size, 0);
  await balancer.setServers(web, [at('one', address)]);
  await balancer.apply(table(route({})));
  await askHttp(ports.httpPort);
  const asked = [1, 2].map(() => askHttp(ports.httpPort, { path: '/hold' }));
  while (held.length < 2) await once(server, 'request');
  assert.deepEqual((await balancer.load()).get(web), { inFlight: 2, requests: 3 });
  for (const answer of held) answer.end();
  await Promise.all(asked);
  server.close();
  await once(server, 'close');
});
