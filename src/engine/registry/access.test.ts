import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts';
import { Access } from './access.ts';
import { Accounts } from './accounts.ts';

async function room(): Promise<{
  accounts: Accounts;
  access: Access;
  pass: (ms: number) => void;
  rows: () => string;
}> {
  let now = Date.UTC(2026, 0, 1);
  const store = new SqliteStateStore(':memory:');
  const clock = {
    now: () => now,
    timestamp: () => new Date(now).toISOString(),
    sleep: () => Promise.resolve(),
  };
  const accounts = new Accounts({ store, clock });
  await accounts.add('ci', 'a long password', [{ repositories: 'team/*', actions: ['pull', 'push'] }]);
  const rows = (): string =>
    JSON.stringify([
      store.collection('registry-users').entries(),
      store.collection('registry-tokens').entries(),
    ]);
  return { accounts, access: new Access(accounts, clock), pass: (ms) => void (now += ms), rows };
}

const credentials = { username: 'ci', password: 'a long password' };

test('neither passwords nor tokens are kept as they are', async () => {
  const { accounts, rows } = await room();
  const { secret } = accounts.createToken('ci', 'x', {});
  assert.doesNotMatch(rows(), /a long password/);
  assert.ok(!rows().includes(secret.slice(-43)));
});

test('a bearer token ends with its time, its user, and the token it was made with', async () => {
  const { accounts, access, pass } = await room();
  const scopes = [{ repository: 'team/app', actions: ['pull' as const] }];
  const ofUser = access.issue(await access.basic(credentials, 'a'), scopes).token;
  const { secret, id } = accounts.createToken('ci', 'x', { days: 1 });
  const ofToken = access.issue(await access.basic({ username: 'ci', password: secret }, 'a'), scopes).token;
  access.require(access.bearer(ofUser), 'team/app', 'pull');
  access.require(access.bearer(ofToken), 'team/app', 'pull');
  assert.throws(() => access.require(access.bearer(ofUser), 'team/app', 'push'), {
    code: 'registry-scope-missing',
  });
  accounts.removeToken(id);
  assert.throws(() => access.bearer(ofToken), { code: 'registry-token-invalid' });
  accounts.grant('ci', 'team/*', []);
  assert.throws(() => access.require(access.bearer(ofUser), 'team/app', 'pull'), {
    code: 'registry-right-missing',
  });
  pass(301_000);
  assert.throws(() => access.bearer(ofUser), { code: 'registry-token-invalid' });
});

test('a token holds until it expires, for its user only, and never for more than its user may', async () => {
  const { accounts, access, pass } = await room();
  const rights = [{ repositories: '**', actions: ['pull' as const, 'delete' as const] }];
  const { secret } = accounts.createToken('ci', 'x', { days: 1, rights });
  const caller = await access.basic({ username: 'ci', password: secret }, 'a');
  access.require(caller, 'team/app', 'pull');
  for (const action of ['push', 'delete'] as const)
    assert.throws(() => access.require(caller, 'team/app', action), { code: 'registry-right-missing' });
  assert.throws(() => access.require(caller, 'other', 'pull'), { code: 'registry-right-missing' });
  await accounts.add('other', 'another password', []);
  await assert.rejects(access.basic({ username: 'other', password: secret }, 'a'), {
    code: 'registry-credentials-wrong',
  });
  pass(86_400_000);
  await assert.rejects(access.basic({ username: 'ci', password: secret }, 'a'), {
    code: 'registry-credentials-wrong',
  });
});

test('guessing is stopped for one name and address, and for a minute', async () => {
  const { access, pass } = await room();
  const wrong = { username: 'ci', password: 'wrong' };
  for (let i = 0; i < 10; i++)
    await assert.rejects(access.basic(wrong, 'here'), { code: 'registry-credentials-wrong' });
  await assert.rejects(access.basic(credentials, 'here'), { code: 'registry-too-many-attempts' });
  assert.equal((await access.basic(credentials, 'elsewhere')).user, 'ci');
  pass(61_000);
  assert.equal((await access.basic(credentials, 'here')).user, 'ci');
});

test('who tries many names from one address is stopped too', async () => {
  const { access } = await room();
  // Of the form of a token: passwords take long to look at.
  const password = `brt_${'a'.repeat(16)}_${'b'.repeat(43)}`;
  const tries = Array.from({ length: 100 }, (_, i) => ({ username: `user${i}`, password }));
  for (const one of tries)
    await assert.rejects(access.basic(one, 'here'), { code: 'registry-credentials-wrong' });
  await assert.rejects(access.basic(credentials, 'here'), { code: 'registry-too-many-attempts' });
  assert.equal((await access.basic(credentials, 'elsewhere')).user, 'ci');
});
