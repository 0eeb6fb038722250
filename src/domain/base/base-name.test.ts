import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReference } from '#domain/image/reference.ts';
import { parseBaseName } from './base-name.ts';

const parse = (name: string) => parseBaseName(parseReference(name));

test('the path of a name is a list of packages, its tag the suite', () => {
  assert.deepEqual(parse('debian.berth/nodejs/ca-certificates:bookworm'), {
    packages: ['nodejs', 'ca-certificates'],
    suite: 'bookworm',
  });
  assert.deepEqual(parse('debian.berth/base:trixie'), { packages: [], suite: 'trixie' });
  assert.deepEqual(parse('debian.berth/base/curl/curl:trixie').packages, ['curl']);
});

test('a name that is no package, a missing suite and a digest are refused by name', () => {
  assert.throws(() => parse('debian.berth/a:bookworm'), /'a' is not a Debian package name/);
  assert.throws(() => parse('debian.berth/no_such:bookworm'), /'no_such' is not a Debian package name/);
  assert.throws(
    () => parse('debian.berth/nodejs'),
    /'latest' is not a Debian suite: name one as the tag, such as debian\.berth\/nodejs:bookworm$/,
  );
  assert.throws(() => parse('debian.berth/nodejs:Book_worm'), /'Book_worm' is not a Debian suite/);
  assert.throws(() => parse(`debian.berth/nodejs@sha256:${'a'.repeat(64)}`), /no digest to pull by/);
});
