import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts';
import { unavailable } from '#base/errors.ts';
import { unlessAborted } from '#base/abort.ts';
import type { ServingConfig } from '#domain/registry/serving.ts';
import type { Certificate } from '#ports/certificates.ts';
import type { RegistryListener } from '#ports/registry-opener.ts';
import { MovedClock, settle } from '../../../test/support/moved-clock.ts';
import { Serving } from './serving.ts';

const minute = 60_000;
const day = 86_400_000;
const start = '2026-01-01T00:00:00Z';

interface Order {
  hosts: readonly string[];
  at: number;
  signal: AbortSignal;
  succeed: (pem: string) => void;
  fail: (problem: string) => void;
}

/** What is kept by ACME, by `pem`: begun 60 days ago it is due, as it holds 90 days. */
function certificate(pem: string, age: number): Certificate {
  const notBefore = Date.parse(start) - age * day;
  return { pem, notBefore, notAfter: notBefore + 90 * day, issuer: 'test' };
}

function room(settings: Partial<ServingConfig> = {}) {
  const clock = new MovedClock(start);
  const orders: Order[] = [];
  const reports: string[] = [];
  /** What was served with, in order; `closed`. */
  const served: string[] = [];
  const world: { kept?: { certificate: Certificate; missing: string[] }; open?: () => void } = {};
  const config: ServingConfig = {
    ...{ enabled: true, address: '127.0.0.1:5000', names: ['a.test', 'b.test:5000'] },
    ...{ tls: 'acme', cert: '', key: '' },
  };
  const serving = new Serving({
    ...{
      store: new SqliteStateStore(':memory:'),
      clock,
      settings: { ...config, ...settings },
    },
    files: { read: () => Promise.reject(new Error('no files here')) },
    issueLocal: () => Promise.resolve(certificate('local', 0)),
    keptAcme: () => Promise.resolve(world.kept),
    issueAcme: (hosts, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<Certificate>();
      orders.push({
        ...{ hosts, at: clock.now() - Date.parse(start), signal },
        succeed: (pem) =>
          resolve({ ...certificate(pem, 0), notBefore: clock.now(), notAfter: clock.now() + 90 * day }),
        fail: (problem) => reject(unavailable('acme-failed', problem)),
      });
      return unlessAborted(promise, signal);
    },
    hasUsers: () => true,
    report: (problem, error) => void reports.push(`${problem}: ${String(error)}`),
  });
  const opener = {
    open: ({ tls }: RegistryListener) => {
      world.open?.();
      served.push(tls?.cert ?? 'plain');
      const renew = ({ cert }: { cert: string }): void => void served.push(cert);
      return Promise.resolve({ port: 5000, renew, close: () => Promise.resolve(void served.push('closed')) });
    },
  };
  return { serving, opener, clock, orders, reports, served, world };
}

test('a certificate that is due serves until the next one is there, and keeps nobody waiting', async () => {
  const { serving, opener, clock, orders, served, world } = room();
  world.kept = { certificate: certificate('old', 70), missing: [] };
  await serving.serve(opener);
  assert.deepEqual(served, ['old']);
  await clock.pass(0);
  assert.deepEqual(
    orders.map(({ hosts }) => hosts),
    [['a.test', 'b.test']],
  );
  orders[0]?.succeed('new');
  await settle();
  assert.deepEqual(served, ['old', 'new']);
  assert.equal(serving.status().problem, undefined);
  world.kept = { certificate: { ...certificate('new', 0) }, missing: [] };
  await clock.pass(59 * day);
  assert.equal(orders.length, 1);
  await clock.pass(2 * day);
  assert.equal(orders.length, 2, 'when two thirds of its life are over');
  await serving.close();
});

test('without any the daemon starts all the same; what failed is tried again after growing pauses until it is served', async () => {
  const { serving, opener, clock, orders, reports, served } = room();
  await serving.serve(opener);
  assert.match(serving.status().problem ?? '', /waits for a certificate by ACME for a.test, b.test/);
  await clock.pass(0);
  orders[0]?.fail('no route to a.test');
  await settle();
  const { running, problem, nextTry } = serving.status();
  assert.deepEqual([running, problem, nextTry], [false, 'no route to a.test', '2026-01-01T00:01:00.000Z']);
  for (const n of [1, 2]) {
    await clock.pass(4 ** (n - 1) * minute);
    orders[n]?.fail('no route to a.test');
    await settle();
  }
  assert.deepEqual(
    orders.map(({ at }) => at),
    [0, minute, 5 * minute],
  );
  assert.deepEqual(reports.length, 1, 'what is known is not told again');
  await clock.pass(16 * minute);
  orders[3]?.succeed('first');
  await settle();
  assert.deepEqual(served, ['first']);
  assert.deepEqual([serving.status().running, serving.status().problem], [true, undefined]);
  await serving.close();
});

test('a renewal that fails is told while the registry is served as before', async () => {
  const { serving, opener, clock, orders, reports, served, world } = room();
  world.kept = { certificate: certificate('old', 70), missing: [] };
  await serving.serve(opener);
  for (const n of [0, 1]) {
    await clock.pass(n * minute);
    orders[n]?.fail('too many requests');
    await settle();
  }
  assert.deepEqual([served, serving.status().running], [['old'], true]);
  assert.equal(serving.status().problem, 'too many requests');
  assert.deepEqual(reports.length, 1);
  assert.match(reports[0] ?? '', /the registry's certificate is not renewed/);
  await serving.close();
});

test('a name that is new is in the next certificate: the daemon serves with the last one, who starts it waits', async () => {
  const { serving, opener, clock, orders, served, world } = room();
  world.kept = { certificate: certificate('for a', 10), missing: ['b.test'] };
  await serving.serve(opener);
  assert.deepEqual(served, ['for a']);
  assert.match(serving.status().problem ?? '', /for b.test/);
  await clock.pass(0);
  orders[0]?.succeed('for both');
  await settle();
  assert.deepEqual(served, ['for a', 'for both']);
  await serving.stop();
  const started = serving.start({ names: ['a.test', 'c.test'] });
  await settle();
  assert.deepEqual(orders.at(-1)?.hosts, ['a.test', 'c.test']);
  orders.at(-1)?.fail('c.test is nobody');
  await assert.rejects(started, /c.test is nobody/);
  assert.equal(served.at(-1), 'closed');
  assert.equal(serving.config.enabled, false);
});

test('a stop gives an order up, and what it would have given serves nobody', async () => {
  const { serving, opener, clock, orders, served } = room();
  await serving.serve(opener);
  await clock.pass(0);
  await serving.stop();
  assert.equal(orders[0]?.signal.aborted, true);
  assert.equal(serving.status().problem, undefined);
  const started = serving.start({});
  await settle();
  await Promise.all([assert.rejects(started, { code: 'registry-stopped' }), serving.stop()]);
  await clock.pass(30 * day);
  assert.deepEqual([orders.length, served], [2, []]);
});

test('a port that is taken is tried again until it is free', async () => {
  const { serving, opener, clock, reports, served, world } = room({ tls: 'off' });
  let tries = 0;
  world.open = () => {
    tries += 1;
    throw unavailable('address-failed', 'port 5000 is taken');
  };
  await serving.serve(opener);
  await clock.pass(minute);
  assert.deepEqual([tries, served, reports.length], [7, [], 1]);
  assert.equal(serving.status().problem, 'port 5000 is taken');
  await assert.rejects(serving.start({}), /taken/, 'who starts it by hand is told');
  delete world.open;
  await clock.pass(10_000);
  assert.deepEqual([served, serving.status().problem], [['plain'], undefined]);
  await clock.pass(365 * day);
  assert.deepEqual(served, ['plain']);
  await serving.close();
});
