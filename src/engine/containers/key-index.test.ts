import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyIndex } from './key-index.ts';

test('tells who has a key, also after keys changed and ids went', () => {
  const index = new KeyIndex();
  index.set('one', ['a', 'b']);
  index.set('two', ['b']);
  index.set('two', ['b']);
  assert.deepEqual([index.with('a'), index.with('b'), index.with('c')], [['one'], ['one', 'two'], []]);
  index.set('one', ['c', 'b']);
  assert.deepEqual([index.with('a'), index.with('b'), index.with('c')], [[], ['two', 'one'], ['one']]);
  index.delete('two');
  index.set('one', []);
  index.delete('never there');
  assert.deepEqual([index.with('b'), index.with('c')], [[], []]);
});
