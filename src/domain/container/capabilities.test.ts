import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  allCapabilities,
  capabilitiesInMask,
  defaultCapabilities,
  effectiveCapabilities,
} from './capabilities.ts';

const set = (names: readonly string[]): string[] => [...names].sort();

test('a mask names its bits', () => {
  assert.deepEqual(set(capabilitiesInMask('00000000a80425fb')), set(defaultCapabilities));
  assert.deepEqual(capabilitiesInMask('000001ffffffffff'), allCapabilities);
  assert.equal(capabilitiesInMask('000001fffeffffff').includes('CAP_SYS_RESOURCE'), false);
});

test('additions and removals work with and without the prefix, in any case, and with ALL', () => {
  const of = (CapAdd: string[], CapDrop: string[]): string[] =>
    effectiveCapabilities({ CapAdd, CapDrop }, allCapabilities);
  assert.deepEqual(set(of([], [])), set(defaultCapabilities));
  assert.deepEqual(of(['net_admin'], ['ALL']), ['CAP_NET_ADMIN']);
  assert.equal(of(['CAP_SYS_ADMIN'], ['cap_chown']).includes('CAP_CHOWN'), false);
  assert.equal(of(['CAP_SYS_ADMIN'], []).length, 15);
  assert.deepEqual(
    of(['CHOWN'], []).filter((name) => name === 'CAP_CHOWN'),
    ['CAP_CHOWN'],
  );
  assert.equal(of(['ALL'], ['SYS_ADMIN']).length, allCapabilities.length - 1);
});

test('privileged has what the host can give, and no more', () => {
  const available = ['CAP_CHOWN', 'CAP_SYS_ADMIN'];
  assert.deepEqual(effectiveCapabilities({ Privileged: true }, available), available);
  assert.deepEqual(effectiveCapabilities({}, available), ['CAP_CHOWN']);
});

test('unknown and unavailable capabilities are refused in Docker’s words', () => {
  assert.throws(() => effectiveCapabilities({ CapAdd: ['nonsense'] }, allCapabilities), {
    kind: 'invalid',
    message: 'invalid CapAdd: unknown capability: "CAP_NONSENSE"',
  });
  assert.throws(() => effectiveCapabilities({ CapDrop: ['nonsense'] }, allCapabilities), {
    message: 'invalid CapDrop: unknown capability: "CAP_NONSENSE"',
  });
  assert.throws(() => effectiveCapabilities({ CapAdd: ['BPF'] }, ['CAP_CHOWN']), {
    code: 'capability-unavailable',
  });
});
