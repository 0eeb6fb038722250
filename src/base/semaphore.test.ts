import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Semaphore } from './semaphore.ts';

test('who finds no place free waits until one is given back, in order of arrival', async () => {
  const places = new Semaphore(2);
  const [first, second] = [await places.take(), await places.take()];
  const order: string[] = [];
  const third = places.take().then((free) => {
    order.push('third');
    free();
  });
  const fourth = places.take().then(() => order.push('fourth'));
  await Promise.resolve();
  assert.deepEqual(order, []);
  second();
  await Promise.all([third, fourth]);
  assert.deepEqual(order, ['third', 'fourth']);
  first();
  await places.take();
});
