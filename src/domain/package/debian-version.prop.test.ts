import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareVersions } from './debian-version.ts';

/** Versions that dpkg takes: they begin with a digit. Few characters, so that equal and nearly equal ones come often. */
const character = fc.constantFrom('0', '0', '1', '9', 'a', 'A', 'z', '.', '+', '~');
const part = fc.string({ unit: character, maxLength: 6 }).map((text) => `1${text}`);
const revision = fc.string({ unit: character, minLength: 1, maxLength: 4 });
const version = fc
  .tuple(fc.option(fc.integer({ min: 0, max: 3 })), part, fc.option(part), fc.option(revision))
  .map(
    ([epoch, upstream, more, last]) =>
      (epoch === null ? '' : `${epoch}:`) +
      upstream +
      (more === null || last === null ? '' : `-${more}`) +
      (last === null ? '' : `-${last}`),
  );

test('versions compare as dpkg compares them', () => {
  // One shell for all pairs: a process for each would take minutes.
  const pairs = fc.sample(fc.tuple(version, version), { numRuns: 300, seed: seed() });
  const script = pairs.map(
    ([a, b]) =>
      `if dpkg --compare-versions '${a}' lt '${b}'; then echo -1; elif dpkg --compare-versions '${a}' eq '${b}'; then echo 0; else echo 1; fi`,
  );
  const { stdout, status } = spawnSync('sh', { input: script.join('\n'), encoding: 'utf8' });
  assert.equal(status, 0);
  const expected = stdout.trim().split('\n').map(Number);
  assert.equal(expected.length, pairs.length);
  for (const [i, [a, b]] of pairs.entries())
    assert.equal(Math.sign(compareVersions(a, b)), expected[i], `${a} and ${b}`);
});

test('the order is total', () => {
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      assert.equal(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) || 0);
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0);
    }),
  );
});

function seed(): number {
  const value = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
  console.log(`seed ${value}`);
  return value;
}
