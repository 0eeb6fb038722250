import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentsOf } from './contents.ts';
import { catalogue } from './recipes/catalogue.ts';

test('what is asked for joins the common set once, sorted', () => {
  const { wanted } = contentsOf({ packages: ['redis-server', 'dash'] });
  assert.deepEqual(wanted, [...wanted].sort());
  assert.equal(wanted.filter((name) => name === 'dash').length, 1);
  assert.ok(wanted.includes('redis-server'));
});

test('packages that only maintainer scripts need are stood in for, unless they are asked for', () => {
  assert.ok(contentsOf({ packages: ['nodejs'] }).standIns.includes('adduser'));
  assert.ok(!contentsOf({ packages: ['adduser'] }).standIns.includes('adduser'));
  assert.deepEqual(contentsOf({ packages: ['apt'] }).standIns, []);
});

test('an image of the catalogue runs as its entry says, with what else was asked for', () => {
  const { wanted, recipe, accounts } = contentsOf({ entry: 'node', packages: ['redis-server'] });
  assert.ok(wanted.includes('nodejs') && wanted.includes('redis-server'));
  assert.deepEqual(recipe.config.Cmd, ['node']);
  assert.deepEqual(
    accounts.map(({ name }) => name),
    ['app', 'redis'],
  );
});

test('the static image holds no program and no C library', () => {
  const { wanted, standIns, recipe } = contentsOf({ entry: 'static', packages: [] });
  assert.deepEqual(wanted, ['base-files', 'ca-certificates', 'netbase', 'tzdata']);
  assert.ok(standIns.includes('libc6') && standIns.includes('openssl'));
  assert.equal(recipe.user.name, 'nonroot');
});

test('no image of the catalogue runs as root, and none wants what it stands in for', () => {
  for (const { name } of catalogue) {
    const { recipe, wanted, standIns } = contentsOf({ entry: name, packages: [] });
    assert.notEqual(recipe.user.uid, 0, name);
    assert.ok(!standIns.some((one) => wanted.includes(one)), name);
  }
});
