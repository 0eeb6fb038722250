import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts';
import type { SecretKey } from '#domain/secret/secret.ts';
import { MemoryKeyStore } from '../../../test/support/memory-key-store.ts';
import { Secrets } from './secrets.ts';

const clock = { timestamp: () => '2026-01-01T00:00:00Z' };
const token: SecretKey = { noun: 'secret', app: '', name: 'token' };
const other: SecretKey = { noun: 'secret', app: '', name: 'other' };
const bytes = (text: string): Uint8Array => Buffer.from(text);
const set = { by: 'me', origin: 'set' } as const;

function room(passphrase?: string) {
  const store = new SqliteStateStore(':memory:');
  const keys = new MemoryKeyStore();
  /** As after a restart of the daemon. */
  const again = (given = passphrase): Secrets =>
    new Secrets({ store, keys, clock, passphrase: () => Promise.resolve(given) });
  return { store, keys, again, secrets: again() };
}

async function text(secrets: Secrets, version: number, key = token): Promise<string> {
  const value = await secrets.value({ key: `${key.noun}/${key.app}/${key.name}`, version });
  return Buffer.from(value).toString();
}

test('a value has a version, and another value the next one; the same value none', async () => {
  const { secrets, again } = room();
  assert.equal(secrets.latest(token), undefined);
  assert.equal(await secrets.foresee(token, bytes('a')), 1);
  assert.deepEqual(await secrets.put(token, bytes('a'), set), { version: 1, isNew: true });
  assert.deepEqual(await secrets.put(token, bytes('a'), set), { version: 1, isNew: false });
  assert.equal(await secrets.foresee(token, bytes('b')), 2);
  assert.equal((await secrets.put(token, bytes('b'), set)).version, 2);
  assert.equal(await text(again(), 1), 'a');
  assert.equal(await text(again(), 2), 'b');
});

test('what is stored holds no value and no key, and digests differ for equal values of others', async () => {
  const { secrets, store, keys } = room();
  await secrets.put(token, bytes('very secret'), set);
  await secrets.put(other, bytes('very secret'), set);
  const all = ['secrets', 'secret-values', 'secret-keyring'].map((name) =>
    JSON.stringify(store.collection(name).entries()),
  );
  for (const stored of all) {
    assert.ok(!stored.includes('very secret'));
    assert.ok(!stored.includes(Buffer.from('very secret').toString('base64')));
    assert.ok(!stored.includes(Buffer.from(keys.keys[0] ?? []).toString('base64')));
  }
  const digests = [token, other].map((key) => secrets.history(key)[0]?.digest);
  assert.notEqual(digests[0], digests[1]);
});

test('a value in the place of another one, or a changed one, does not open and is not shown', async () => {
  const { secrets, store } = room();
  await secrets.put(token, bytes('one'), set);
  await secrets.put(other, bytes('two'), set);
  const values = store.collection<{ key: string; value: string }>('secret-values');
  const sealed = values.get('secret//token@1');
  assert.ok(sealed);
  values.put('secret//other@1', sealed);
  await assert.rejects(text(secrets, 1, other), /secret\/\/other@1 does not open/);
  const changed = Buffer.from(sealed.value, 'base64');
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  values.put('secret//token@1', { ...sealed, value: changed.toString('base64') });
  await assert.rejects(text(secrets, 1), (error: Error) => {
    assert.match(error.message, /does not open: it was changed or damaged/);
    assert.doesNotMatch(error.message, /one|two/);
    return true;
  });
  await assert.rejects(secrets.rotateKey(), /does not open/);
});

test('a missing or another key is said, and nothing is made anew', async () => {
  const { secrets, keys, again } = room();
  await secrets.put(token, bytes('a'), set);
  const [key] = keys.keys;
  keys.keys = [new Uint8Array(32)];
  await assert.rejects(text(again(), 1), /the master key is [0-9a-f]{16}, required is [0-9a-f]{16} in/);
  keys.keys = [];
  await assert.rejects(text(again(), 1), /the key file '\/memory\/secrets.key' is not there/);
  await assert.rejects(again().put(token, bytes('b'), set), /is not there/);
  assert.ok(key);
  keys.keys = [key];
  assert.equal(await text(again(), 1), 'a');
});

test('another master key seals all again, and the former one opens nothing', async () => {
  const { secrets, keys, again } = room();
  await secrets.put(token, bytes('a'), set);
  await secrets.put(other, bytes('b'), set);
  const former = [...keys.keys];
  assert.equal(await secrets.rotateKey(), 2);
  assert.equal(keys.keys.length, 1);
  assert.equal(await text(secrets, 1), 'a');
  assert.equal(await text(again(), 1, other), 'b');
  assert.equal((await again().put(token, bytes('a'), set)).isNew, false);
  keys.keys = former;
  await assert.rejects(text(again(), 1), /the secrets cannot be opened/);
});

for (const { write, done } of [
  { write: 2, done: false },
  { write: 2, done: true },
  { write: 3, done: false },
  { write: 3, done: true },
])
  test(`a crash ${done ? 'after' : 'before'} write ${write} of the key file leaves all to be opened`, async () => {
    const { secrets, keys, again } = room();
    await secrets.put(token, bytes('a'), set);
    keys.fails = { write, done };
    await assert.rejects(secrets.rotateKey(), /killed/);
    const restarted = again();
    assert.equal(await text(restarted, 1), 'a');
    assert.equal(keys.keys.length, 1);
    await restarted.rotateKey();
    assert.equal(await text(again(), 1), 'a');
  });

test('a passphrase protects instead of a key file, and locks at a restart', async () => {
  const { secrets, keys, again } = room();
  await secrets.put(token, bytes('a'), set);
  await assert.rejects(secrets.unlock('x'), /nothing to unlock/);
  await secrets.rotateKey('correct horse');
  assert.deepEqual(keys.keys, []);
  const restarted = again();
  assert.deepEqual(restarted.protection, { by: 'passphrase', isLocked: true });
  await assert.rejects(text(restarted, 1), /the secrets are locked/);
  await assert.rejects(restarted.put(token, bytes('b'), set), /locked/);
  await assert.rejects(restarted.rotateKey(), /locked/);
  await assert.rejects(restarted.unlock('wrong'), /the passphrase is another one/);
  await restarted.unlock('correct horse');
  assert.equal(await text(restarted, 1), 'a');
  assert.equal(await text(again('correct horse'), 1), 'a');
  await restarted.rotateKey();
  assert.deepEqual(again().protection, { by: 'key-file', isLocked: false });
  assert.equal(await text(again(), 1), 'a');
});

test('with a passphrase from the settings no key is ever on disk', async () => {
  const { secrets, keys, again } = room('from a descriptor');
  await secrets.put(token, bytes('a'), set);
  assert.equal(keys.writes, 0);
  assert.equal(await text(again(), 1), 'a');
});

test('values go when nothing refers to them; the newest that a person set stays', async () => {
  const { secrets } = room();
  const config: SecretKey = { noun: 'config', app: 'shop', name: 'conf' };
  for (const value of ['a', 'b', 'c']) await secrets.put(token, bytes(value), set);
  for (const value of ['a', 'b']) await secrets.put(config, bytes(value), { by: 'me', origin: 'file' });
  const uses = [{ reference: { key: 'secret//token', version: 1 }, holder: 'revision 4 of the app shop' }];
  secrets.usedBy(() => uses);
  secrets.collect();
  assert.equal(await text(secrets, 1), 'a');
  await assert.rejects(text(secrets, 2), /any more/);
  assert.equal(await text(secrets, 3), 'c');
  assert.equal(secrets.latest(config), undefined);
  assert.deepEqual(
    secrets.history(token).map(({ gone = false }) => gone),
    [false, true, false],
  );
  assert.throws(() => secrets.remove(token), /needed by revision 4 of the app shop/);
  uses.pop();
  secrets.remove(token);
  assert.throws(() => secrets.history(token), /there is no secret 'token'/);
  // A number is never given to another value.
  assert.equal((await secrets.put(config, bytes('a'), { by: 'me', origin: 'file' })).version, 3);
});

test('what a compose file gives cannot be set by hand; names and sizes are checked', async () => {
  const { secrets } = room();
  const key: SecretKey = { noun: 'secret', app: 'shop', name: 'db' };
  await secrets.put(key, bytes('a'), { by: 'me', origin: 'file' });
  await assert.rejects(secrets.put(key, bytes('b'), set), /comes from the app's compose file \(file\)/);
  await assert.rejects(secrets.put({ ...key, name: '../x' }, bytes('a'), set), /'\.\.\/x' cannot name/);
  await assert.rejects(secrets.put(token, new Uint8Array(1024 * 1024 + 1), set), /allowed are 1048576/);
});
