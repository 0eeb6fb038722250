import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { VertexEvent } from '#engine/contracts.ts';
import { Job } from '#engine/solves/job.ts';

function job(): Job {
  return new Job(
    {
      ref: 'a',
      session: 's',
      frontend: 'dockerfile.v0',
      attributes: {},
      exporters: [],
      cacheFrom: [],
      cacheTo: [],
      inputs: {},
      entitlements: [],
      internal: false,
    },
    0,
  );
}

const log: VertexEvent = { kind: 'log', vertex: 'sha256:1', stream: 1, data: Buffer.from('a'), time: 0 };

test('clients that follow the same solve wait without waking each other', async () => {
  const followed = job();
  const { signal } = new AbortController();
  const counts = [0, 0];
  const all = counts.map(async (_, index) => {
    for await (const event of followed.follow(signal))
      counts[index] = (counts[index] ?? 0) + Number(event === log);
  });
  await setImmediate();
  for (let count = 0; count < 2000; count++) await followed.tell(log);
  // Reached only when nobody keeps the loop busy.
  await setImmediate();
  followed.end(1, { response: {} });
  await Promise.all(all);
  assert.deepEqual(counts, [2000, 2000]);
});

test('who tells waits for a client that is far behind, and goes on once that has left', async () => {
  const followed = job();
  const reading = followed.follow(new AbortController().signal);
  const first = reading.next();
  let told = 0;
  const telling = (async () => {
    for (; told < 2000; told++) await followed.tell(log);
  })();
  await first;
  await setImmediate();
  assert.ok(told < 1000, String(told));
  await reading.return(undefined);
  await telling;
  assert.equal(told, 2000);
});
