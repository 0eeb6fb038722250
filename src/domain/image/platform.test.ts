import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Descriptor, Platform } from './manifest.ts';
import { formatPlatform, matchesPlatform, parsePlatform, selectManifest } from './platform.ts';

const host: Platform = { os: 'linux', architecture: 'amd64' };

test('a platform is read in each of its forms, what is left out is the host', () => {
  const read = (text: string): string => formatPlatform(parsePlatform(text, host));
  assert.equal(read('linux/arm64'), 'linux/arm64');
  assert.equal(read('linux/arm/v7'), 'linux/arm/v7');
  assert.equal(read('linux'), 'linux/amd64');
  assert.equal(read('aarch64'), 'linux/arm64');
  assert.equal(read('Linux/X86_64'), 'linux/amd64');
  for (const bad of ['a/b/c/d', '', 'linux/', 'li nux'])
    assert.throws(
      () => parsePlatform(bad, host),
      /"[^"]*": cannot parse platform specifier: invalid argument/,
      bad,
    );
  assert.throws(() => parsePlatform('bogus', host), /"bogus": unknown operating system or architecture/);
});

test('a missing variant is the usual one of its architecture', () => {
  const arm: Platform = { os: 'linux', architecture: 'arm64' };
  assert.ok(matchesPlatform({ ...arm, variant: 'v8' }, arm));
  assert.ok(matchesPlatform(arm, { ...arm, variant: 'v8' }));
  assert.ok(!matchesPlatform(arm, host));
});

test('of an index the exact variant is chosen before a fitting one, and attestations never', () => {
  const entry = (platform?: Platform): Descriptor => ({
    mediaType: 'm',
    digest: `sha256:${'a'.repeat(64)}`,
    size: 1,
    ...(platform !== undefined && { platform }),
  });
  const v6 = entry({ os: 'linux', architecture: 'arm', variant: 'v6' });
  const v7 = entry({ os: 'linux', architecture: 'arm', variant: 'v7' });
  const attestation = entry({ os: 'unknown', architecture: 'unknown' });
  const wanted: Platform = { os: 'linux', architecture: 'arm', variant: 'v7' };
  assert.equal(selectManifest([attestation, v6, v7], wanted), v7);
  assert.equal(selectManifest([attestation, v6], host), undefined);
  const only = entry();
  assert.equal(selectManifest([only], host), only);
});
