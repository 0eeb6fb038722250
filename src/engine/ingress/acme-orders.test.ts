import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts';
import { Secrets } from '#engine/secrets/secrets.ts';
import type { AcmeOrder, Certificate } from '#ports/certificates.ts';
import { MemoryKeyStore } from '../../../test/support/memory-key-store.ts';
import { MovedClock } from '../../../test/support/moved-clock.ts';
import { AcmeOrders } from './acme-orders.ts';
import { CertificateStore } from './certificate-store.ts';

const day = 86_400_000;

function room(issue: (order: AcmeOrder, now: number) => Promise<Certificate>) {
  const clock = new MovedClock('2026-01-01T00:00:00Z');
  const store = new SqliteStateStore(':memory:');
  const keys = new MemoryKeyStore();
  const secrets = new Secrets({ store, keys, clock, passphrase: () => Promise.resolve(undefined) });
  const orders: string[] = [];
  const acme = new AcmeOrders({
    ...{ store: new CertificateStore(store, secrets.seals), clock },
    balancer: { setChallenge: () => Promise.resolve() },
    acme: {
      createKey: () => Promise.resolve('key'),
      issue: (order) => {
        orders.push(order.hosts.join(' '));
        return issue(order, clock.now());
      },
    },
    settings: { directory: 'https://authority.test', email: '', agree: true },
  });
  return { acme, clock, orders };
}

const signed = ({ hosts }: AcmeOrder, now: number): Promise<Certificate> =>
  Promise.resolve({ pem: hosts.join('+'), notBefore: now, notAfter: now + 90 * day, issuer: 'test' });
const { signal } = new AbortController();

test('the kept certificate that is for most of the names is found, whatever their order', async () => {
  const { acme, clock } = room(signed);
  assert.equal(await acme.kept(['a.test']), undefined);
  await acme.issue(['a.test'], signal);
  await acme.issue(['b.test', 'a.test'], signal);
  const of = async (...hosts: string[]): Promise<unknown[]> => {
    const kept = await acme.kept(hosts);
    return [kept?.certificate.pem, kept?.missing];
  };
  assert.deepEqual(await of('a.test', 'b.test'), ['b.test+a.test', []]);
  assert.deepEqual(await of('a.test', 'c.test', 'b.test'), ['b.test+a.test', ['c.test']]);
  assert.deepEqual(await of('c.test'), [undefined, undefined]);
  await clock.pass(91 * day);
  assert.deepEqual(await of('a.test'), [undefined, undefined], 'what has ended is of no use');
});

test('who orders for the same names at the same time gets the same certificate, and tries himself what failed', async () => {
  const first = Promise.withResolvers<void>();
  const { acme, orders } = room(async (order, now) => {
    if (orders.length === 1) {
      await first.promise;
      throw new Error('refused');
    }
    return signed(order, now);
  });
  const [one, two, three] = [1, 2, 3].map(() => acme.issue(['a.test'], signal));
  const gone = new AbortController();
  const impatient = acme.issue(['a.test'], gone.signal);
  gone.abort(new Error('stopped'));
  await assert.rejects(impatient, /stopped/);
  first.resolve();
  await assert.rejects(one ?? assert.fail(), /refused/);
  assert.deepEqual(await two, await three);
  assert.equal(orders.length, 2);
});
