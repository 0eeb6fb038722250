import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installedSize, statusFile } from './status.ts';

test('index entries become the status of installed packages, sorted, without what is about downloading', () => {
  const shown =
    'Package: sed\nVersion: 4.9-1\nArchitecture: amd64\nSource: sed (4.9)\nFilename: pool/s.deb\nSHA256: 00\n' +
    'Description: stream editor\n more\n\n\nPackage: dash\nVersion: 1\nArchitecture: amd64\nDescription-en: shell\n';
  assert.equal(
    statusFile(shown),
    'Package: dash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nDescription: shell\n\n' +
      'Package: sed\nStatus: install ok installed\nArchitecture: amd64\nSource: sed (4.9)\nVersion: 4.9-1\n' +
      'Description: stream editor\n',
  );
});

test('the size of a set of packages is the sum of their sizes, in bytes', () => {
  assert.equal(installedSize('Package: a\nInstalled-Size: 10\n\nPackage: b\nInstalled-Size: 5\n'), 15 * 1024);
});
