import assert from 'node:assert/strict';
import { test } from 'node:test';
import { familiarName, formatReference, newName, parseReference, referenceOrUndefined } from './reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('short names resolve as Docker resolves them', () => {
  const full = (text: string): string => formatReference(parseReference(text));
  assert.equal(full('redis'), 'docker.io/library/redis:latest');
  assert.equal(full('team/app:1.2'), 'docker.io/team/app:1.2');
  assert.equal(full('localhost/app'), 'localhost/app:latest');
  assert.equal(full('localhost:5000/a/b:c'), 'localhost:5000/a/b:c');
  assert.equal(full('index.docker.io/redis:7'), 'docker.io/library/redis:7');
  assert.equal(full(`redis@${digest}`), `docker.io/library/redis@${digest}`);
  assert.equal(
    full('debian.berth/nodejs/ca-certificates:bookworm'),
    'debian.berth/nodejs/ca-certificates:bookworm',
  );
});

test('people see the short name', () => {
  assert.equal(familiarName('docker.io/library/redis:7'), 'redis:7');
  assert.equal(familiarName('docker.io/team/app:1'), 'team/app:1');
  assert.equal(familiarName('debian.berth/base:bookworm'), 'debian.berth/base:bookworm');
});

test('a name outside the grammar is refused, quoted', () => {
  for (const bad of ['', 'bad@@ref', 'a//b', 'a:b:c', '-a', 'a@sha256:12', 'http://x/y', 'a: b']) {
    assert.throws(
      () => parseReference(bad),
      (error) => error instanceof Error && error.message.includes(`'${bad}'`),
      bad,
    );
    assert.equal(referenceOrUndefined(bad), undefined);
  }
});

test('a name in upper case is refused in the words of Docker', () => {
  const message = 'invalid reference format: repository name (library/Case) must be lowercase';
  assert.throws(() => parseReference('Case:x'), { message });
});

test('no name is given that has a digest or looks like one', () => {
  assert.equal(newName('redis'), 'docker.io/library/redis:latest');
  assert.throws(() => newName(`redis@sha256:${'0'.repeat(64)}`), /a tag with a digest reference/);
  assert.throws(() => newName('sha256:1'), /ambiguous tag using digest algorithm as name/);
});
