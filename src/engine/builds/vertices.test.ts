import assert from 'node:assert/strict';
import { test } from 'node:test';
import { steppingClock } from '../../../test/support/image-room.ts';
import { Vertices } from './vertices.ts';

test('what builds have in common and fails is done once, and fails them all', async () => {
  const { signal } = new AbortController();
  const vertex = new Vertices({ emit: undefined, clock: steppingClock(), signal }).add('RUN false');
  const failure = new Error('no');
  let begun = 0;
  const work = (): Promise<never> => {
    begun++;
    return Promise.reject(failure);
  };
  const ends = await Promise.allSettled([vertex.run(work), vertex.run(work)]);
  assert.deepEqual(
    ends.map((end) => end.status === 'rejected' && end.reason === failure),
    [true, true],
  );
  assert.equal(begun, 1);
});
