import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findHierarchy } from './hierarchy.ts';
import { ownGroup } from './own-group.ts';

test('on version 1 a process is in the group that it has in the tree of the freezer', () => {
  const mounts = [
    'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0',
    'cgroup /sys/fs/cgroup/freezer cgroup rw,freezer 0 0',
    'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0',
  ].join('\n');
  const membership = '7:freezer:/ice\n3:cpu,cpuacct:/fast\n0::/\n';
  assert.equal(ownGroup(findHierarchy(mounts), membership), '/sys/fs/cgroup/freezer/ice');
});

test('on version 2 a process has one group, whose name may have a colon', () => {
  const hierarchy = findHierarchy('cgroup2 /sys/fs/cgroup cgroup2 rw 0 0');
  assert.equal(
    ownGroup(hierarchy, '0::/system.slice/a:b.service\n'),
    '/sys/fs/cgroup/system.slice/a:b.service',
  );
});
