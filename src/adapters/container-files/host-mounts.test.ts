import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMountTable } from '#adapters/linux/mount-table.ts';
import { findMount } from './host-mounts.ts';

const mounts = parseMountTable(
  [
    '20 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
    '30 20 0:5 / /srv rw shared:7 - tmpfs a rw',
    '31 30 0:6 / /srv/with\\040space rw master:3 - tmpfs b rw',
    '32 20 0:7 / /srv rw shared:9 master:2 - tmpfs over rw',
    '',
  ].join('\n'),
);

test('the mount of a path is the innermost, and of two at one place the later', () => {
  assert.deepEqual(findMount(mounts, '/etc'), { mountPoint: '/', propagation: 'private' });
  assert.deepEqual(findMount(mounts, '/srvx'), { mountPoint: '/', propagation: 'private' });
  assert.deepEqual(findMount(mounts, '/srv/a'), { mountPoint: '/srv', propagation: 'shared' });
  assert.deepEqual(findMount(mounts, '/srv/with space/a'), {
    mountPoint: '/srv/with space',
    propagation: 'slave',
  });
});
