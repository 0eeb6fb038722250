import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts';
import { Secrets } from '#engine/secrets/secrets.ts';
import type { Certificate } from '#ports/certificates.ts';
import type { StateStore } from '#ports/state-store.ts';
import { MemoryKeyStore } from '../../../test/support/memory-key-store.ts';
import { Certificates } from './certificates.ts';

const day = 86_400_000;
const wanted = [{ host: 'a.test', mode: 'internal' } as const];

/** What a balancer offers, which goes on without the daemon. */
type Offers = Map<string, string>;

function describe(pem: string): Certificate {
  return { pem, notBefore: 0, notAfter: 300 * day, issuer: 'local' };
}

/** A daemon's part of it; another one on the same state is as after a restart. */
function room(store: StateStore, keys: MemoryKeyStore, offers: Offers, authority = 'authority 1') {
  const clock = {
    now: () => day,
    timestamp: () => '',
    sleep: (_ms: number, signal?: AbortSignal) =>
      new Promise<void>((wake) => signal?.addEventListener('abort', () => wake())),
  };
  const secrets = new Secrets({ store, keys, clock, passphrase: () => Promise.resolve(undefined) });
  const reports: string[] = [];
  const refuse = (): never => {
    throw new Error('not here');
  };
  const certificates = new Certificates({
    ...{ store, clock, secrets, settings: { directory: '', email: '', agree: true } },
    balancer: {
      setCertificate: ({ host, pem }) => Promise.resolve(void offers.set(host, pem)),
      setChallenge: () => Promise.resolve(),
      offered: (host) => Promise.resolve(offers.get(host)),
    },
    local: {
      create: () => Promise.resolve(authority),
      issue: (by, host) => Promise.resolve(describe(`${host} by ${by}`)),
    },
    acme: { createKey: refuse, issue: refuse },
    files: { read: refuse, pair: refuse, describe },
    report: (problem, error) => void reports.push(`${problem}: ${String(error)}`),
  });
  return { secrets, certificates, reports };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The state as earlier versions left it, with keys in clear. */
function earlierState(store: StateStore): void {
  store.collection('certificates').put('a.test', { ...describe('a.test, clear'), mode: 'internal' });
  store.collection('certificate-keys').put('local-authority', { pem: 'authority, clear' });
}

async function onDisk(
  t: TestContext,
): Promise<{ open: () => SqliteStateStore; bytes: () => Promise<string> }> {
  const folder = await mkdtemp(join(tmpdir(), 'b-certificates-'));
  t.after(() => rm(folder, { recursive: true }));
  const bytes = async (): Promise<string> => {
    const files = await readdir(folder);
    return (await Promise.all(files.map((name) => readFile(join(folder, name), 'latin1')))).join('');
  };
  return { open: () => new SqliteStateStore(join(folder, 'state.db')), bytes };
}

test('keys that an earlier version kept in clear are sealed, and nothing of them is left on disk', async (t) => {
  const { open, bytes } = await onDisk(t);
  const keys = new MemoryKeyStore();
  const before = open();
  earlierState(before);
  assert.match(await bytes(), /a\.test, clear[^]*authority, clear/);
  before.close();
  for (const restart of ['first', 'second']) {
    const store = open();
    const offers: Offers = new Map();
    const { certificates, reports } = room(store, keys, offers);
    await certificates.ensure(wanted);
    assert.deepEqual([...offers], [['a.test', 'a.test, clear']], restart);
    assert.equal((await certificates.issueLocal(['b.test'])).pem, 'b.test by authority, clear');
    assert.deepEqual(reports, []);
    assert.doesNotMatch(await bytes(), /, clear/);
    certificates.close();
    store.close();
  }
});

test('another master key seals them again, and the former one opens nothing', async () => {
  const [store, keys] = [new SqliteStateStore(':memory:'), new MemoryKeyStore()];
  const first = room(store, keys, new Map());
  await first.certificates.ensure(wanted);
  const former = [...keys.keys];
  assert.equal(await first.secrets.rotateKey(), 2, 'a certificate and the authority');
  const offers: Offers = new Map();
  const second = room(store, keys, offers);
  await second.certificates.ensure(wanted);
  assert.equal(offers.get('a.test'), 'a.test by authority 1');
  keys.keys = former;
  const third = room(store, keys, offers);
  await assert.rejects(third.certificates.issueLocal(['b.test']), { code: 'secrets-key-wrong' });
  for (const { certificates } of [first, second, third]) certificates.close();
});

test('while a passphrase locks them, what was offered stays, and they are back when it is given', async () => {
  const [store, keys] = [new SqliteStateStore(':memory:'), new MemoryKeyStore()];
  const offers: Offers = new Map();
  const first = room(store, keys, offers);
  await first.certificates.ensure(wanted);
  await first.secrets.rotateKey('correct horse');
  const kept = JSON.stringify(store.collection('certificates').entries());

  const { secrets, certificates, reports } = room(store, keys, offers);
  await certificates.ensure(wanted);
  assert.equal(offers.get('a.test'), 'a.test by authority 1');
  assert.match(reports.join(), /a.test is offered what it was offered before[^]*the secrets are locked/);
  assert.match(certificates.view('a.test')?.problem ?? '', /the secrets are locked/);
  assert.ok(certificates.isLocked);
  assert.equal(JSON.stringify(store.collection('certificates').entries()), kept, 'nothing takes its place');

  const rebooted: Offers = new Map();
  const other = room(store, keys, rebooted, 'another');
  await other.certificates.ensure(wanted);
  assert.equal(rebooted.get('a.test'), 'a.test by another');
  assert.equal(other.certificates.view('a.test')?.isStandIn, true);
  assert.equal(JSON.stringify(store.collection('certificates').entries()), kept);

  await secrets.unlock('correct horse');
  await certificates.ensure(wanted);
  await turn();
  assert.deepEqual(certificates.view('a.test'), {
    ...{ issuer: 'local', isStandIn: false },
    expires: new Date(300 * day).toISOString(),
  });
  assert.ok(!certificates.isLocked);
  for (const one of [first, other]) one.certificates.close();
  certificates.close();
});
