import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSharedParent, parentLinkOf, vlanOf } from './parent-link.ts';

test('options choose the parent and the mode; without a parent one is to be made', () => {
  assert.deepEqual(parentLinkOf('macvlan', { parent: 'eth0' }, 'own'), { name: 'eth0', mode: 'bridge' });
  assert.deepEqual(parentLinkOf('macvlan', { macvlan_mode: 'private' }, 'own'), {
    name: 'own',
    mode: 'private',
    made: 'pair',
  });
  assert.deepEqual(parentLinkOf('ipvlan', { parent: 'e', ipvlan_mode: 'l3', ipvlan_flag: 'vepa' }, 'own'), {
    name: 'e',
    mode: 'l3',
    flag: 'vepa',
  });
});

test('what is not an option is refused in the words of Docker', () => {
  assert.throws(() => parentLinkOf('macvlan', { macvlan_mode: 'l2' }, 'own'), {
    code: 'network-option-invalid',
    message: "requested macvlan mode 'l2' is not valid, 'bridge' mode is the macvlan driver default",
  });
  assert.throws(() => parentLinkOf('ipvlan', { ipvlan_flag: 'x' }, 'own'), {
    message: "requested ipvlan flag 'x' is not valid, 'bridge' flag is the ipvlan driver default",
  });
  assert.throws(() => parentLinkOf('macvlan', { parent: 'lo' }, 'own'), /loopback interface/);
});

test('a name with a number after its last dot means a VLAN', () => {
  assert.deepEqual(vlanOf('eth0.10'), { link: 'eth0', id: 10 });
  assert.deepEqual(vlanOf('a.b.4094'), { link: 'a.b', id: 4094 });
  for (const name of ['eth0', 'eth0.', '.10', 'eth0.x'])
    assert.throws(() => vlanOf(name), /example formatting/);
  for (const name of ['eth0.0', 'eth0.4095']) assert.throws(() => vlanOf(name), /between 1-4094/);
});

test('networks share a parent unless one takes the whole of it or is of another driver', () => {
  const other = (driver: string, mode: string) => [{ name: 'o', driver, parent: { name: 'e', mode } }];
  checkSharedParent({ name: 'e', mode: 'bridge' }, other('macvlan', 'private'), 'macvlan');
  checkSharedParent({ name: 'f', mode: 'passthru' }, other('macvlan', 'passthru'), 'macvlan');
  const passthru = { name: 'e', mode: 'passthru' };
  assert.throws(() => checkSharedParent(passthru, other('macvlan', 'bridge'), 'macvlan'), {
    message: 'cannot use mode passthru, macvlan network o is already using parent interface e',
  });
  assert.throws(
    () => checkSharedParent({ name: 'e', mode: 'bridge' }, other('macvlan', 'passthru'), 'macvlan'),
    {
      message: 'macvlan network o is already using parent interface e in mode passthru',
    },
  );
  assert.throws(() => checkSharedParent({ name: 'e', mode: 'bridge' }, other('ipvlan', 'l2'), 'macvlan'), {
    message: /cannot share one/,
  });
});
