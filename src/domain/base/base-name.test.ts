import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReference } from '#domain/image/reference.ts';
import { canonicalName, parseBaseName, versionTags } from './base-name.ts';

const parse = (name: string) => parseBaseName(parseReference(name));

test('the path of a name is a list of packages, its tag the suite', () => {
  assert.deepEqual(parse('debian.berth/nodejs/ca-certificates:bookworm'), {
    packages: ['nodejs', 'ca-certificates'],
    suite: 'bookworm',
  });
  assert.deepEqual(parse('debian.berth/base:trixie'), { entry: 'base', packages: [], suite: 'trixie' });
  assert.deepEqual(parse('debian.berth/base/curl/curl:trixie').packages, ['curl']);
});

test('a name of the catalogue takes a version, a suite, both or none', () => {
  const python = { entry: 'python', packages: [] };
  assert.deepEqual(parse('debian.berth/python:3.11'), { ...python, version: '3.11' });
  assert.deepEqual(parse('debian.berth/python:bookworm'), { ...python, suite: 'bookworm' });
  assert.deepEqual(parse('debian.berth/python:3.11-bookworm'), {
    ...python,
    version: '3.11',
    suite: 'bookworm',
  });
  assert.deepEqual(parse('debian.berth/python'), python);
  assert.deepEqual(parse('debian.berth/node/curl:18'), { entry: 'node', packages: ['curl'], version: '18' });
  assert.throws(() => parse('debian.berth/python:3_11'), /'3_11' is neither a version such as 3\.11/);
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

test('a version is known by its beginnings', () => {
  assert.deepEqual(versionTags('3.11.2-1+b1'), ['3', '3.11', '3.11.2']);
  assert.deepEqual(versionTags('5:7.0.15-1~deb12u5'), ['7', '7.0', '7.0.15']);
  assert.deepEqual(versionTags('17.0.21.1+2-1~deb12u1'), ['17', '17.0', '17.0.21', '17.0.21.1']);
  assert.deepEqual(versionTags('18.20.4+dfsg-1~deb12u3'), ['18', '18.20', '18.20.4']);
});

test('the name of the content is the same whatever tag was asked for', () => {
  assert.equal(
    canonicalName({ entry: 'python', packages: ['curl'], suite: 'bookworm' }),
    'debian.berth/python/curl:bookworm',
  );
});
