import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unlessAborted } from './abort.ts';

test('gives what the promise gives, unless the signal is aborted first', async () => {
  const abort = new AbortController();
  const pending = Promise.withResolvers<string>();
  assert.equal(await unlessAborted(Promise.resolve('done'), abort.signal), 'done');
  const waiting = unlessAborted(pending.promise, abort.signal);
  abort.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  await assert.rejects(unlessAborted(Promise.resolve('late'), abort.signal), /enough/);
});
