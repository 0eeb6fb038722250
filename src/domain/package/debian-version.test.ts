import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, upstreamVersion } from './debian-version.ts';

const ordered: [older: string, newer: string][] = [
  ['1.0', '1.1'],
  ['1.9', '1.10'],
  ['1.0~rc1', '1.0'],
  ['1.0~~', '1.0~'],
  ['1.0', '1.0+b1'],
  ['1.0a', '1.0+'],
  ['2:1.0', '10:0.1'],
  ['9.9', '1:0.1'],
  ['1.0-1', '1.0-1+deb12u1'],
  ['1.0-1~deb11u1', '1.0-1'],
  ['1.0-2-1', '1.0-2-2'],
];
for (const [older, newer] of ordered)
  test(`${older} is older than ${newer}`, () => {
    assert.ok(compareVersions(older, newer) < 0);
    assert.ok(compareVersions(newer, older) > 0);
  });

test('leading zeros, an epoch of 0 and a revision of 0 mean nothing', () => {
  for (const [a, b] of [
    ['1.0', '0:1.0'],
    ['1.00', '1.0'],
    ['1.0-0', '1.0'],
    ['1.0-', '1.0'],
  ] as const)
    assert.equal(compareVersions(a, b), 0, `${a} ${b}`);
});

test('the version of upstream is what is left without epoch, revision and suffix', () => {
  assert.equal(upstreamVersion('5:7.0.15-1~deb12u5'), '7.0.15');
  assert.equal(upstreamVersion('18.20.4+dfsg-1~deb12u1'), '18.20.4');
  assert.equal(upstreamVersion('15+248'), '15');
});
