import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { systemCode } from '#base/errors.ts';
import { backendOf } from '#domain/ingress/build-table.ts';
import type { HaproxyBalancer } from '#adapters/haproxy/haproxy-balancer.ts';
import { askHttp, echoServer, openIngress, route, type TestIngress } from '../support/ingress.ts';

const web = backendOf(route({})).name;

/** Ends master and worker at once. */
async function kill(balancer: HaproxyBalancer, { folder }: TestIngress): Promise<void> {
  // One that has just begun serves before its master tells of it.
  let worker = await balancer.worker();
  for (; worker === undefined || worker === 0; worker = await balancer.worker()) await setImmediate();
  const master = Number(await readFile(join(folder, 'haproxy/pid'), 'utf8'));
  assert.ok(master > 0);
  for (const pid of [master, worker]) process.kill(pid, 'SIGKILL');
}

test('while HAProxy is gone, connections wait for the next one, and none is refused', async (t) => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  const { balancer, ports, table } = ingress;
  await balancer.setServers(web, [{ id: 'one', address: '127.0.0.1', port: one.port }]);
  await balancer.apply(table(route({})));
  let done = false;
  const counts = { answered: 0 };
  const failures: string[] = [];
  const clients = Array.from({ length: 4 }, async () => {
    while (!done)
      await askHttp(ports.httpPort).then(
        ({ status }) => (status === 200 ? (counts.answered += 1) : failures.push(String(status))),
        (error: unknown) => failures.push(systemCode(error) ?? String(error)),
      );
  });
  const kills = 3;
  try {
    for (let round = 0; round < kills; round += 1) {
      const before = await balancer.worker();
      const failed = failures.length;
      await kill(balancer, ingress);
      // Of what comes after the kill, nothing fails.
      for (let i = 0; i < 20; i += 1) assert.equal((await askHttp(ports.httpPort)).status, 200);
      assert.notEqual(await balancer.worker(), before);
      assert.ok(failures.length - failed <= clients.length, failures.join());
    }
  } finally {
    done = true;
    await Promise.all(clients);
  }
  t.diagnostic(
    `${failures.length} of ${counts.answered} requests failed by ${kills} kills: ${failures.join()}`,
  );
  assert.ok(counts.answered > 100, `${counts.answered} requests were answered`);
  // Those that it was answering.
  assert.deepEqual(
    failures.filter((reason) => reason !== 'ECONNRESET'),
    [],
  );
});

test('what another daemon has taken over is served after a kill, too, and reloaded', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  const { balancer, ports, table, again } = ingress;
  await balancer.setServers(web, [{ id: 'one', address: '127.0.0.1', port: one.port }]);
  await balancer.apply(table(route({})));
  balancer.close();
  const next = again();
  try {
    await next.setServers(web, [{ id: 'one', address: '127.0.0.1', port: one.port }]);
    await next.apply(table(route({})));
    await kill(next, ingress);
    assert.equal((await askHttp(ports.httpPort)).status, 200);
    await next.apply(table(route({}), route({ entrypoint: ports.httpsPort })));
    assert.equal((await askHttp(ports.httpsPort)).status, 200);
    await kill(next, ingress);
    assert.equal((await askHttp(ports.httpsPort)).status, 200);
    assert.equal((await askHttp(ports.httpPort)).status, 200);
  } finally {
    await next.apply({ listeners: [], backends: [] });
    next.close();
  }
});

test('a port that is no longer listened on is closed, also after a kill', async () => {
  await using ingress = await openIngress();
  const { balancer, ports, table } = ingress;
  // A process that leaves by a reload may still take a connection, which it then resets.
  const isClosed = (port: number): Promise<void> =>
    assert.rejects(askHttp(port, { signal: AbortSignal.timeout(5000) }), /ECONNREFUSED|ECONNRESET/);
  await balancer.apply(table(route({}), route({ entrypoint: ports.httpsPort })));
  await kill(balancer, ingress);
  assert.equal((await askHttp(ports.httpsPort)).status, 503);
  await balancer.apply(table(route({})));
  await isClosed(ports.httpsPort);
  await kill(balancer, ingress);
  await balancer.apply({ listeners: [], backends: [] });
  await isClosed(ports.httpPort);
});

test('after a kill, too, a reload hands the listening sockets over without a failed request', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  const { balancer, ports, table, folder } = ingress;
  await balancer.setServers(web, [{ id: 'one', address: '127.0.0.1', port: one.port }]);
  await balancer.apply(table(route({})));
  await kill(balancer, ingress);
  assert.equal((await askHttp(ports.httpPort)).status, 200);
  let done = false;
  const failures: string[] = [];
  const clients = Array.from({ length: 4 }, async () => {
    while (!done)
      await askHttp(ports.httpPort).then(
        ({ status }) => status === 200 || failures.push(String(status)),
        (error: unknown) => failures.push(String(error)),
      );
  });
  try {
    for (let round = 0; round < 5; round += 1) {
      const shape = { responseHeaders: { 'X-Round': String(round) } };
      await balancer.apply(table(route({}), route({ host: 'b.test', shape })));
    }
  } finally {
    done = true;
    await Promise.all(clients);
  }
  assert.deepEqual(failures, []);
  assert.doesNotMatch(await readFile(join(folder, 'haproxy/messages'), 'utf8'), /socket/);
});
