import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestName, standInStatus } from './package-set.ts';

test('a stand-in counts as installed, in a version that is new enough for everyone', () => {
  const status = standInStatus(['adduser', 'ucf'], 'amd64');
  assert.match(status, /^Package: adduser\nStatus: install ok installed\nVersion: 99:0$/m);
  assert.equal([...status.matchAll(/^Package:/gm)].length, 2);
  assert.equal(standInStatus([], 'amd64'), '');
});

test('a mistyped name finds its neighbour, a strange one none', () => {
  const known = ['nodejs', 'nginx', 'redis-server', 'node-acorn'];
  assert.equal(nearestName('nodjs', known), 'nodejs');
  assert.equal(nearestName('redis-sever', known), 'redis-server');
  assert.equal(nearestName('xyzzy-nothing', known), undefined);
});
