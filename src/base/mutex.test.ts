import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyedMutex } from './mutex.ts';

test('holders of one key run one after another, in order of arrival', async () => {
  const mutex = new KeyedMutex();
  const seen: string[] = [];
  const gate = Promise.withResolvers<undefined>();
  const first = mutex.run('a', async () => {
    await gate.promise;
    seen.push('first');
  });
  const second = mutex.run('a', () => Promise.resolve(seen.push('second')));
  await mutex.run('b', () => Promise.resolve(seen.push('other key')));
  gate.resolve(undefined);
  await Promise.all([first, second]);
  assert.deepEqual(seen, ['other key', 'first', 'second']);
});

test('a holder that fails frees the key', async () => {
  const mutex = new KeyedMutex();
  await assert.rejects(
    mutex.run('a', () => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(mutex.isHeld('a'), false);
  assert.equal(await mutex.run('a', () => Promise.resolve(1)), 1);
});
