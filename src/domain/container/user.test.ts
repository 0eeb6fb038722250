import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveUser } from './user.ts';

const files = {
  passwd:
    'root:x:0:0:root:/root:/bin/sh\n# comment\n\napp:x:1000:1001:App:/home/app:/bin/sh\n7:x:2007:2007::/seven:\n',
  group: 'root:x:0:\nextra:x:50:other,app\nwheel:x:10:app\nstaff:x:30:\n',
};
const cases: [string, ReturnType<typeof resolveUser>][] = [
  ['', { uid: 0, gid: 0, additionalGids: [0], home: '/root' }],
  ['root', { uid: 0, gid: 0, additionalGids: [0], home: '/root' }],
  ['app', { uid: 1000, gid: 1001, additionalGids: [1001, 50, 10], home: '/home/app' }],
  ['1000', { uid: 1000, gid: 1001, additionalGids: [1001, 50, 10], home: '/home/app' }],
  ['1234', { uid: 1234, gid: 0, additionalGids: [0], home: '/' }],
  ['app:staff', { uid: 1000, gid: 30, additionalGids: [30], home: '/home/app' }],
  ['app:99', { uid: 1000, gid: 99, additionalGids: [99], home: '/home/app' }],
  ['1234:5678', { uid: 1234, gid: 5678, additionalGids: [5678], home: '/' }],
  [':staff', { uid: 0, gid: 30, additionalGids: [30], home: '/root' }],
  ['7', { uid: 2007, gid: 2007, additionalGids: [2007], home: '/seven' }],
];

for (const [spec, expected] of cases)
  test(`USER '${spec}' is uid ${expected.uid}, gid ${expected.gid}`, () => {
    assert.deepEqual(resolveUser(spec, files), expected);
  });

test('added groups come by name or number, once each', () => {
  assert.deepEqual(
    resolveUser('app', files, ['staff', '77', 'wheel']).additionalGids,
    [1001, 50, 10, 30, 77],
  );
});

test('without passwd and group files numbers still work', () => {
  const nothing = { passwd: '', group: '' };
  assert.deepEqual(resolveUser('', nothing), { uid: 0, gid: 0, additionalGids: [0], home: '/' });
  assert.equal(resolveUser('5:6', nothing).gid, 6);
});

test('unknown names and numbers out of range are refused in Docker’s words', () => {
  assert.throws(() => resolveUser('nobody', files), {
    code: 'user-missing',
    message: 'unable to find user nobody: no matching entries in passwd file',
  });
  assert.throws(() => resolveUser('app:nogroup', files), {
    message: 'unable to find group nogroup: no matching entries in group file',
  });
  assert.throws(() => resolveUser('app', files, ['nogroup']), { code: 'group-missing' });
  assert.throws(() => resolveUser('2147483648', files), { code: 'user-id-out-of-range' });
  assert.throws(() => resolveUser('-1', files), { code: 'user-id-out-of-range' });
});
