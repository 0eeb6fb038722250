import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filters, flag, integer, isTrue, labelsMatch } from '#api/docker/query.ts';

test('a flag is true for everything but the words that Docker takes as false', () => {
  for (const value of ['1', 'true', 'yes', 'on']) assert.equal(flag({ all: value }, 'all'), true, value);
  for (const value of ['', '0', 'false', 'False', 'no', 'none'])
    assert.equal(flag({ all: value }, 'all'), false, value);
  assert.equal(flag({}, 'all'), false);
  assert.equal(flag({}, 'all', true), true);
});

test('an integer is a number, nothing, or an error that names the parameter', () => {
  assert.equal(integer({ t: '-1' }, 't'), -1);
  assert.equal(integer({ t: '' }, 't'), undefined);
  assert.throws(() => integer({ t: '1.5' }, 't'), /'t': '1\.5' is not an integer/);
});

test('filters come as lists, and as the sets of old clients', () => {
  const read = (text: string): [string, readonly string[]][] => [
    ...filters({ filters: text }, ['label', 'name']),
  ];
  assert.deepEqual(read('{"label":["a=b","c"]}'), [['label', ['a=b', 'c']]]);
  assert.deepEqual(read('{"name":{"x":true,"y":false}}'), [['name', ['x']]]);
  assert.deepEqual(read('{}'), []);
  assert.throws(() => read('{"colour":["red"]}'), /invalid filter 'colour'/);
  for (const text of ['{', '[]', '1', '{"name":"x"}', '{"name":[1]}'])
    assert.throws(() => read(text), /invalid filter/, text);
});

test('a filter that asks yes or no takes the words of Go', () => {
  const asks = (value: string): boolean => isTrue(new Map([['dangling', [value]]]), 'dangling');
  assert.equal(asks('1'), true);
  assert.equal(asks('FALSE'), false);
  assert.throws(() => asks('maybe'), /invalid filter 'dangling=\[maybe\]'/);
  assert.equal(isTrue(new Map(), 'dangling'), false);
});

test('labels match by key, by value and by their absence', () => {
  const labels = { tier: 'db', note: 'a=b' };
  const match = (key: string, ...values: string[]): boolean => labelsMatch(labels, new Map([[key, values]]));
  assert.ok(match('label', 'tier', 'tier=db', 'note=a=b'));
  assert.ok(!match('label', 'tier', 'owner'));
  assert.ok(!match('label!', 'tier=db'));
  assert.ok(match('label!', 'tier=web'));
});
