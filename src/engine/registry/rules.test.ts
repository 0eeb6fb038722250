import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryState } from '../../../test/support/image-room.ts';
import { Content } from './content.ts';
import { Rules } from './rules.ts';

test('a rule that is not there is told with those of its kind that are', () => {
  const state = new MemoryState();
  const { immutable, quotas } = new Rules(state, new Content(state));
  immutable.set({ repositories: 'team/**', tags: 'v*' });
  assert.throws(() => immutable.remove({ repositories: 'team/**', tags: '*' }), {
    code: 'registry-rule-missing',
    message: "there is no such rule: 'team/** *'",
    hint: "there are: 'team/** v*'",
  });
  assert.throws(() => quotas.remove({ repositories: '**', scope: 'each' }), {
    hint: 'there are: none of its kind',
  });
  immutable.remove({ repositories: 'team/**', tags: 'v*' });
  assert.deepEqual(immutable.list(), []);
});
