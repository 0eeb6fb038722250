import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cdiNames } from './cdi-names.ts';
import { cdiEdits } from './cdi.ts';

const spec = {
  cdiVersion: '0.6.0',
  kind: 'vendor.com/net',
  containerEdits: { env: ['ALL=1'] },
  devices: [
    {
      name: 'one',
      containerEdits: {
        env: ['ONE=1'],
        deviceNodes: [
          { path: '/dev/x', hostPath: '/dev/null' },
          { path: '/dev/y', permissions: 'r' },
        ],
        mounts: [{ hostPath: '/lib/a', containerPath: '/a' }],
        hooks: [{ hookName: 'createContainer', path: '/bin/hook', args: ['hook', 'x'] }],
      },
    },
    { name: 'two', containerEdits: { env: ['TWO=1'] } },
    { name: 'odd', containerEdits: { intelRdt: {} } },
    { name: 'late', containerEdits: { hooks: [{ hookName: 'poststop', path: '/x' }] } },
  ],
};
const files = [{ path: '/etc/cdi/a.json', value: spec }];

test('devices bring the edits of their file once and their own', () => {
  assert.deepEqual(cdiEdits(['vendor.com/net=one', 'vendor.com/net=two'], files), {
    env: ['ALL=1', 'ONE=1', 'TWO=1'],
    deviceNodes: [
      { path: '/dev/x', hostPath: '/dev/null', permissions: 'rwm' },
      { path: '/dev/y', hostPath: '/dev/y', permissions: 'r' },
    ],
    mounts: [
      { hostPath: '/lib/a', containerPath: '/a', options: ['rbind', 'rprivate', 'ro', 'nosuid', 'nodev'] },
    ],
    hooks: [{ hookName: 'createContainer', path: '/bin/hook', args: ['hook', 'x'] }],
  });
});

test('devices that no file has, and edits that cannot be made, are refused by name', () => {
  assert.throws(() => cdiEdits(['vendor.com/net=none', 'x'], files), {
    message: 'could not inject CDI devices: unresolvable CDI devices vendor.com/net=none, x',
  });
  assert.throws(
    () => cdiEdits(['vendor.com/net=odd'], files),
    /a\.json: containerEdits\.intelRdt is not supported/,
  );
});

test('hooks that nobody would call are refused', () => {
  assert.throws(() => cdiEdits(['vendor.com/net=late'], files), /the hook 'poststop' is not supported/);
});

test('requests name devices', () => {
  const gpu = { Capabilities: [['gpu']] };
  assert.deepEqual(cdiNames([{ Driver: 'cdi', DeviceIDs: ['a.b/c=d'] }]), ['a.b/c=d']);
  assert.deepEqual(cdiNames([{ ...gpu, Count: -1 }]), ['nvidia.com/gpu=all']);
  assert.deepEqual(cdiNames([{ ...gpu, Count: 2 }]), ['nvidia.com/gpu=0', 'nvidia.com/gpu=1']);
  assert.deepEqual(cdiNames([{ ...gpu, Driver: 'nvidia', DeviceIDs: ['7'] }]), ['nvidia.com/gpu=7']);
  assert.deepEqual(cdiNames(null), []);
  assert.throws(
    () => cdiNames([{ Driver: 'odd', Capabilities: [['x']] }]),
    /could not select device driver "odd"/,
  );
});
