import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSsh } from './ssh-option.ts';

test('an agent is named by an id, with the socket or keys behind it', () => {
  assert.deepEqual(parseSsh('default'), { id: 'default', paths: [] });
  assert.deepEqual(parseSsh('other=/run/agent.sock'), { id: 'other', paths: ['/run/agent.sock'] });
  assert.deepEqual(parseSsh('keys=a, b'), { id: 'keys', paths: ['a', 'b'] });
});

test('what names no agent is refused', () => {
  for (const text of ['', '=x', 'a b', 'keys=', 'keys=a,,b'])
    assert.throws(() => parseSsh(text), {
      code: 'ssh-option-invalid',
      message: `invalid SSH agent '${text}'`,
    });
});
