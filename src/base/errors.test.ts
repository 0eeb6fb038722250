import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { invalid, reasonOf, systemCode } from '#base/errors.ts';

test('the code of a system error is told apart from the code of one of our own', async () => {
  const missing: unknown = await readFile('/nowhere/at-all').catch((error: unknown) => error);
  assert.equal(systemCode(missing), 'ENOENT');
  assert.equal(reasonOf(missing), 'no such file or directory');
  assert.equal(reasonOf(new Error('a sentence, and more')), 'a sentence, and more');
  assert.equal(systemCode(invalid('settings-invalid', 'a sentence')), undefined);
  assert.equal(systemCode(new Error('a sentence')), undefined);
});
