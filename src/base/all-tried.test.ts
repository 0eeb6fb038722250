import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allTried } from './all-tried.ts';

test('all are done, also behind one that fails, and the first failure is told', async () => {
  const done: number[] = [];
  const work = (number: number, isWell: boolean) => () => {
    done.push(number);
    return isWell ? Promise.resolve() : Promise.reject(new Error(`failure ${number}`));
  };
  await assert.rejects(allTried([work(1, true), work(2, false), work(3, false), work(4, true)]), /failure 2/);
  assert.deepEqual(done, [1, 2, 3, 4]);
  await allTried([work(5, true)]);
});
