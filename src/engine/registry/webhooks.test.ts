import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskFull } from '#base/disk-full.ts';
import { unavailable } from '#base/errors.ts';
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts';
import type { Collection } from '#ports/state-store.ts';
import { Webhooks } from './webhooks.ts';

const event = { action: 'push', repository: 'team/app', digest: 'sha256:x', by: 'ci' } as const;

/** Time stands still; a pause is kept until the test lets it pass, or the work is stopped. */
function room(
  post: (body: string) => number,
  store = new SqliteStateStore(':memory:'),
): {
  store: SqliteStateStore;
  pauses: number[];
  make: () => Webhooks;
} {
  const pauses: number[] = [];
  const clock = {
    now: () => 0,
    timestamp: () => '2026-01-01T00:00:00Z',
    sleep: (ms: number) => {
      pauses.push(ms);
      return Promise.resolve();
    },
  };
  const sender = { post: (_url: string, body: string) => Promise.resolve(post(body)) };
  const secretValue = (): Promise<Uint8Array> => Promise.resolve(Buffer.from('key'));
  return { store, pauses, make: () => new Webhooks({ store, clock, sender, secretValue }) };
}

const settled = async (): Promise<void> => {
  for (let i = 0; i < 200; i++) await Promise.resolve();
};

test('a message that is always refused is given up after all pauses, and the next one goes on', async () => {
  const { make, pauses } = room((body) => (body.includes('first') ? 500 : 200));
  const hooks = make();
  hooks.add({ url: 'http://127.0.0.1/', events: ['push'], repositories: '**' });
  hooks.announce({ ...event, repository: 'first' });
  hooks.announce({ ...event, repository: 'second' });
  await settled();
  assert.deepEqual(pauses, [1000, 5000, 30_000, 120_000, 600_000, 3_600_000]);
  const [view] = hooks.list();
  assert.deepEqual([view?.waiting, view?.delivered, view?.lost], [0, 1, 1]);
  assert.equal(view?.problem, undefined, 'what was wrong is over once something is delivered');
});

test('what waits is sent after a restart, and the queue is bounded', async () => {
  let isUp = false;
  const sent: string[] = [];
  const { make } = room((body) => {
    if (!isUp) throw unavailable('webhook-failed', 'nobody answers');
    sent.push(body);
    return 200;
  });
  const before = make();
  before.add({ url: 'http://127.0.0.1/', events: ['push'], repositories: 'team/*' });
  for (let i = 0; i < 1005; i++) before.announce({ ...event, digest: `sha256:${i}` });
  before.announce({ ...event, repository: 'other/app' });
  assert.deepEqual([before.list()[0]?.waiting, before.list()[0]?.lost], [1000, 5]);
  await before.close();
  await settled();
  isUp = true;
  const after = make();
  after.start();
  while (after.list()[0]?.waiting !== 0) await settled();
  assert.equal(sent.length, 1000);
  assert.match(sent.at(-1) ?? '', /sha256:1004/);
  assert.equal(new Set(sent).size, 1000);
});

class StoreOnDisk extends SqliteStateStore {
  isFull = false;

  override collection<T extends object>(name: string): Collection<T> {
    const made = super.collection<T>(name);
    const unlessFull = (write: () => void): void => {
      if (this.isFull) throw diskFull('saving the state', undefined);
      write();
    };
    return {
      ...made,
      note: (key, value) => unlessFull(() => made.note(key, value)),
      delete: (key) => unlessFull(() => made.delete(key)),
    };
  }
}

test('on a full disk messages are lost or come twice, and nobody is refused anything', async () => {
  const store = new StoreOnDisk(':memory:');
  const sent: string[] = [];
  const { make } = room((body) => {
    sent.push(/team\/\w+/.exec(body)?.[0] ?? '');
    store.isFull = sent.length === 1;
    return 200;
  }, store);
  const hooks = make();
  hooks.add({ url: 'http://127.0.0.1/', events: ['push'], repositories: 'team/*' });
  hooks.announce({ ...event, repository: 'team/first' });
  await settled();
  hooks.announce({ ...event, repository: 'team/lost' });
  const [view] = hooks.list();
  assert.deepEqual([view?.waiting, view?.lost], [1, 1]);
  assert.match(view?.problem ?? '', /no space left on device/);
  store.isFull = false;
  hooks.announce({ ...event, repository: 'team/second' });
  await settled();
  assert.deepEqual(sent, ['team/first', 'team/first', 'team/second']);
  assert.equal(hooks.list()[0]?.waiting, 0);
  await hooks.close();
});
