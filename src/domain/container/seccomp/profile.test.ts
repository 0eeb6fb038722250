import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allCapabilities, defaultCapabilities } from '../capabilities.ts';
import type { SeccompSpec } from '../runtime-spec.ts';
import { defaultProfile } from './default-profile.ts';
import { parseProfile, settleProfile } from './profile.ts';

const host = { architecture: 'x64', kernel: { major: 6, minor: 1 } } as const;
const settle = (
  capabilities: readonly string[],
  on: Parameters<typeof settleProfile>[1]['host'] = host,
): SeccompSpec => settleProfile(defaultProfile, { capabilities, host: on });
const rulesFor = (spec: SeccompSpec, name: string): SeccompSpec['syscalls'] =>
  spec.syscalls.filter(({ names }) => names.includes(name));

test('by default mount and bpf are refused, clone is allowed without namespaces, clone3 is unknown', () => {
  const spec = settle(defaultCapabilities);
  assert.equal(spec.defaultAction, 'SCMP_ACT_ERRNO');
  for (const name of [
    'mount',
    'bpf',
    'setns',
    'unshare',
    'reboot',
    'init_module',
    'keyctl',
    'io_uring_setup',
  ])
    assert.deepEqual(rulesFor(spec, name), [], name);
  assert.deepEqual(
    rulesFor(spec, 'clone').map(({ args }) => args),
    [[{ index: 0, value: 0x7e020000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }]],
  );
  assert.deepEqual(
    rulesFor(spec, 'clone3').map(({ action, errnoRet }) => [action, errnoRet]),
    [['SCMP_ACT_ERRNO', 38]],
  );
  assert.equal(rulesFor(spec, 'read').length, 1);
  assert.equal(rulesFor(spec, 'chroot').length, 1);
});

test('capabilities open their calls', () => {
  const spec = settle(allCapabilities);
  for (const name of ['mount', 'bpf', 'setns', 'reboot', 'init_module', 'syslog'])
    assert.ok(rulesFor(spec, name).length > 0, name);
  assert.deepEqual(
    rulesFor(spec, 'clone').map(({ args }) => args),
    [undefined],
  );
});

test('architecture and kernel decide', () => {
  assert.deepEqual(settle([]).architectures, ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32']);
  const arm = settle([], { architecture: 'arm64', kernel: { major: 4, minor: 7 } });
  assert.deepEqual(arm.architectures, ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']);
  assert.equal(rulesFor(arm, 'arch_prctl').length, 0);
  assert.equal(rulesFor(arm, 'breakpoint').length, 1);
  assert.equal(rulesFor(arm, 'ptrace').length, 0);
  assert.equal(rulesFor(settle([]), 'ptrace').length, 1);
});

test('a profile of one’s own keeps its conditions and the old single names', () => {
  const profile = parseProfile(
    JSON.stringify({
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: ['SCMP_ARCH_X86_64'],
      syscalls: [
        { name: 'read', action: 'SCMP_ACT_ALLOW' },
        { names: ['mount'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] } },
        { names: ['x'], action: 'SCMP_ACT_ALLOW', args: [{ index: 1, value: 2, op: 'SCMP_CMP_EQ' }] },
      ],
    }),
  );
  assert.deepEqual(settleProfile(profile, { capabilities: [], host }), {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [
      { names: ['read'], action: 'SCMP_ACT_ALLOW' },
      {
        names: ['x'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 1, value: 2, valueTwo: 0, op: 'SCMP_CMP_EQ' }],
      },
    ],
  });
});

test('a profile that is none is refused with the reason', () => {
  for (const text of [
    '{',
    '[]',
    '{}',
    '{"defaultAction":"A","syscalls":{}}',
    '{"defaultAction":"A","syscalls":[{}]}',
  ])
    assert.throws(() => parseProfile(text), {
      code: 'seccomp-profile',
      message: /^Decoding seccomp profile failed: ./,
    });
});
