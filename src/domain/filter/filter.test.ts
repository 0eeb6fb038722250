import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasLabel } from './label.ts';
import { matchesName } from './name.ts';

test('a label filter asks for a key or for a value, which may hold an equals sign', () => {
  const labels = { role: 'web', query: 'a=b' };
  for (const filter of ['role', 'role=web', 'query=a=b'])
    assert.equal(hasLabel(labels, filter), true, filter);
  for (const filter of ['rol', 'role=', 'web', 'query=a'])
    assert.equal(hasLabel(labels, filter), false, filter);
});

test('what every object inherits is no label', () => {
  for (const filter of ['constructor', 'toString', '__proto__'])
    assert.equal(hasLabel({ role: 'web' }, filter), false, filter);
});

test('a name filter is a part of the name or an expression; what is neither finds nothing', () => {
  for (const filter of ['base', '^data', 'base$', 'd.t']) assert.equal(matchesName('database', filter), true);
  for (const filter of ['^base', '[', 'x*x']) assert.equal(matchesName('database', filter), false, filter);
});
