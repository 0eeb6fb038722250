import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findHierarchy } from './hierarchy.ts';

test('version 1 and a v2 tree beside it are a hybrid host: controllers of version 1, groups in every tree', () => {
  const found = findHierarchy(
    [
      'tmpfs /sys/fs/cgroup tmpfs rw 0 0',
      'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0',
      'cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0',
      'cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0',
      'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0',
    ].join('\n'),
  );
  assert.equal(found.version, 1);
  assert.deepEqual(Object.fromEntries(found.controllers), {
    cpu: '/sys/fs/cgroup/cpu,cpuacct',
    cpuacct: '/sys/fs/cgroup/cpu,cpuacct',
    memory: '/sys/fs/cgroup/memory',
  });
  assert.deepEqual(found.trees, [
    '/sys/fs/cgroup/cpu,cpuacct',
    '/sys/fs/cgroup/memory',
    '/sys/fs/cgroup/systemd',
    '/sys/fs/cgroup/unified',
  ]);
});

test('one tree of version 2 is version 2', () => {
  const found = findHierarchy('cgroup2 /nosuch/cgroup cgroup2 rw,nosuid 0 0\n');
  assert.equal(found.version, 2);
  assert.deepEqual(found.trees, ['/nosuch/cgroup']);
});
