import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasNames, resolveOwner } from './owner.ts';

const files = {
  passwd: 'root:x:0:0::/:\napp:x:1000:1001::/:\n',
  group: 'root:x:0:\napp:x:2000:\nstaff:x:50:\n',
};

test('names are looked up, and without a group it is that of the user in passwd, or has the number of the user', () => {
  assert.deepEqual(resolveOwner('app', files), { uid: 1000, gid: 1001 });
  assert.deepEqual(resolveOwner('app:staff', files), { uid: 1000, gid: 50 });
  assert.deepEqual(resolveOwner('55', files), { uid: 55, gid: 55 });
  assert.deepEqual(resolveOwner('7:staff', files), { uid: 7, gid: 50 });
  assert.deepEqual([hasNames('7:8'), hasNames('7:staff')], [false, true]);
});

test('unknown names are refused', () => {
  assert.throws(() => resolveOwner('nobody', files), /can't find uid for user nobody/);
  assert.throws(() => resolveOwner('app:nogroup', files), /can't find gid for group nogroup/);
  assert.throws(() => resolveOwner('app:', files), /can't find gid/);
});
