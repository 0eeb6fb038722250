import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestName, standInStatus, wantedPackages } from './package-set.ts';

test('what is asked for joins the common set once, sorted', () => {
  const wanted = wantedPackages(['redis-server', 'dash']);
  assert.deepEqual(wanted, [...wanted].sort());
  assert.equal(wanted.filter((name) => name === 'dash').length, 1);
  assert.ok(wanted.includes('redis-server'));
});

test('packages that only maintainer scripts need are stood in for, unless they are asked for', () => {
  assert.match(standInStatus(['nodejs'], 'amd64'), /^Package: adduser$/m);
  assert.doesNotMatch(standInStatus(['adduser'], 'amd64'), /^Package: adduser$/m);
  assert.equal(standInStatus(['apt'], 'amd64'), '');
});

test('a mistyped name finds its neighbour, a strange one none', () => {
  const known = ['nodejs', 'nginx', 'redis-server', 'node-acorn'];
  assert.equal(nearestName('nodjs', known), 'nodejs');
  assert.equal(nearestName('redis-sever', known), 'redis-server');
  assert.equal(nearestName('xyzzy-nothing', known), undefined);
});
