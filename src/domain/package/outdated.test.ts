import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outdatedPackages, packageChanges } from './outdated.ts';

const offer = (name: string, version: string, suite = 'bookworm') => ({ name, version, suite });

test('a package is outdated when the mirror has a newer version of it', () => {
  const installed = [
    { name: 'openssl', version: '3.0.11-1~deb12u2' },
    { name: 'dash', version: '0.5.12-2' },
    { name: 'own', version: '9' },
  ];
  const offers = [
    offer('openssl', '3.0.15-1~deb12u1'),
    offer('openssl', '3.0.14-1~deb12u2', 'bookworm-security'),
    offer('dash', '0.5.12-2'),
    offer('own', '8'),
  ];
  assert.deepEqual(outdatedPackages(installed, offers), [
    { name: 'openssl', installed: '3.0.11-1~deb12u2', candidate: '3.0.15-1~deb12u1', security: true },
  ]);
});

test('an older security update that is installed already is none any more', () => {
  const offers = [offer('openssl', '3.0.15'), offer('openssl', '3.0.14', 'bookworm-security')];
  assert.deepEqual(outdatedPackages([{ name: 'openssl', version: '3.0.14' }], offers), [
    { name: 'openssl', installed: '3.0.14', candidate: '3.0.15', security: false },
  ]);
});

test('changes name what came, went and got another version', () => {
  const before = [
    { name: 'a', version: '1' },
    { name: 'b', version: '1' },
    { name: 'c', version: '1' },
  ];
  const after = [
    { name: 'a', version: '1' },
    { name: 'b', version: '2' },
    { name: 'd', version: '1' },
  ];
  assert.deepEqual(packageChanges(before, after), [
    { name: 'b', from: '1', to: '2' },
    { name: 'c', from: '1', to: '' },
    { name: 'd', from: '', to: '1' },
  ]);
});
