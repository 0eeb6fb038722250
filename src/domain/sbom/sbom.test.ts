import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseApkInstalled } from '#domain/package/apk-installed.ts';
import { parseDpkgStatus } from '#domain/package/dpkg-status.ts';
import { parseOsRelease, type Inventory } from '#domain/package/inventory.ts';
import { sbomOf } from './sbom.ts';
import type { SbomSubject } from './subject.ts';

const status = `Package: zlib1g
Status: install ok installed
Maintainer: Mark Brown <broonie@debian.org>
Architecture: amd64
Multi-Arch: same
Source: zlib (1:1.2.13.dfsg-1)
Version: 1:1.2.13.dfsg-1+b1
Description: compression library - runtime
 more words
Homepage: http://zlib.net/

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: base-files
Status: install ok installed
Architecture: amd64
Version: 12.4+deb12u12
`;

const debian: Inventory = {
  kind: 'deb',
  ...parseOsRelease('ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'),
  packages: parseDpkgStatus(status),
};

const subject: SbomSubject = {
  name: 'debian.berth/base:bookworm',
  digest: `sha256:${'0123456789abcdef'.repeat(4)}`,
  created: '2023-06-10T00:00:00.000Z',
  toolVersion: '1.2.3',
};

test('a dpkg database gives what is installed, sorted, with source packages', () => {
  assert.deepEqual(
    debian.packages.map(({ name, version, source, sourceVersion }) => [name, version, source, sourceVersion]),
    [
      ['base-files', '12.4+deb12u12', 'base-files', '12.4+deb12u12'],
      ['zlib1g', '1:1.2.13.dfsg-1+b1', 'zlib', '1:1.2.13.dfsg-1'],
    ],
  );
});

test('files of status.d need no status', () => {
  assert.deepEqual(
    parseDpkgStatus('Package: tzdata\nVersion: 2024a\nArchitecture: all\n').map(({ name }) => name),
    ['tzdata'],
  );
});

test('SPDX names every package once, with its package URL', () => {
  const text = JSON.stringify(sbomOf('spdx', subject, debian));
  assert.match(text, /"spdxVersion":"SPDX-2.3"/);
  assert.match(text, /"created":"2023-06-10T00:00:00Z"/);
  assert.ok(
    text.includes(
      'pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1%2Bb1?arch=amd64&distro=debian-bookworm&upstream=zlib%401:1.2.13.dfsg-1',
    ),
    text,
  );
  assert.equal([...text.matchAll(/"relationshipType":"CONTAINS"/g)].length, 2);
  assert.match(text, /"supplier":"Person: Mark Brown \(broonie@debian.org\)"/);
});

test('CycloneDX names every package once, and the system', () => {
  const text = JSON.stringify(sbomOf('cyclonedx', subject, debian));
  assert.match(text, /"serialNumber":"urn:uuid:01234567-89ab-8def-8123-456789abcdef"/);
  assert.match(text, /"type":"operating-system","name":"debian","version":"12"/);
  assert.equal([...text.matchAll(/"type":"library"/g)].length, 2);
});

test('the same image gives the same bytes, whatever the order in its database', () => {
  const turned = {
    ...debian,
    packages: parseDpkgStatus(status.split('\n\n').toReversed().join('\n\n')),
  };
  for (const format of ['spdx', 'cyclonedx'] as const)
    assert.equal(
      JSON.stringify(sbomOf(format, subject, turned)),
      JSON.stringify(sbomOf(format, subject, debian)),
    );
});

test('an Alpine database gives packages of the type apk', () => {
  const packages = parseApkInstalled(
    'C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\nT:the musl c library\nU:https://musl.libc.org/\nL:MIT\no:musl\nm:Someone <s@alpine.org>\n\nP:busybox\nV:1.36.1-r5\nA:x86_64\no:busybox\n',
  );
  assert.deepEqual(
    packages.map(({ name }) => name),
    ['busybox', 'musl'],
  );
  const text = JSON.stringify(
    sbomOf('cyclonedx', subject, {
      kind: 'apk',
      ...parseOsRelease('ID=alpine\nVERSION_ID=3.18.4\n'),
      packages,
    }),
  );
  assert.ok(text.includes('pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.18.4'), text);
  assert.match(text, /"license":\{"name":"MIT"\}/);
});
