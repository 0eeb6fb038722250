import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { AppLocks } from './app-locks.ts';

test('a second command of a person is refused with the name of the first', async () => {
  const locks = new AppLocks();
  const gate = Promise.withResolvers<void>();
  const first = locks.run('shop', 'up', () => gate.promise);
  await assert.rejects(
    locks.run('shop', 'down', () => Promise.resolve()),
    { code: 'app-busy', message: 'cannot run down on the app shop: another up is changing it now' },
  );
  await locks.run('other', 'down', () => Promise.resolve());
  gate.resolve();
  await first;
  await locks.run('shop', 'down', () => Promise.resolve());
});

test('a person goes before work in the background, which is told to stop and awaited', async () => {
  const locks = new AppLocks();
  const order: string[] = [];
  const stop = locks.onFree(() => {
    if (order.at(-1) === 'up') stop();
    void locks.tryRun('shop', 'healing', () => Promise.resolve(void order.push('healing again')));
  });
  const background = locks.tryRun('shop', 'healing', async (signal) => {
    await once(signal, 'abort');
    order.push('stopped');
  });
  assert.equal(locks.verb('shop'), 'healing');
  await locks.run('shop', 'up', () => Promise.resolve(void order.push('up')));
  assert.equal(await background, true);
  assert.deepEqual(order, ['stopped', 'up', 'healing again']);
});

test('work in the background waits for nobody, and learns when the app is free', async () => {
  const locks = new AppLocks();
  const freed: unknown[] = [];
  const stop = locks.onFree((one) => freed.push(one));
  const gate = Promise.withResolvers<void>();
  const up = locks.run('shop', 'up', () => gate.promise);
  assert.equal(await locks.tryRun('shop', 'healing', () => assert.fail('it began')), false);
  gate.resolve();
  await up;
  assert.deepEqual(freed, [{ app: 'shop', verb: 'up', byPerson: true, failed: false }]);
  stop();
  await assert.rejects(locks.run('shop', 'up', () => Promise.reject(new Error('it failed'))));
  assert.equal(freed.length, 1);
  assert.equal(await locks.tryRun('shop', 'healing', () => Promise.resolve()), true);
});

test('the end of the daemon ends work in the background, and none begins after it', async () => {
  const locks = new AppLocks();
  const background = locks.tryRun('shop', 'healing', async (signal) => {
    await once(signal, 'abort');
  });
  locks.close();
  assert.equal(await background, true);
  assert.equal(await locks.tryRun('shop', 'healing', () => assert.fail('it began')), false);
});
