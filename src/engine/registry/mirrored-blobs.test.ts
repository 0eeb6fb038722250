import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { DiskBlobStore } from '#adapters/blobs/disk-blob-store.ts';
import { parseDigest } from '#domain/image/digest.ts';
import type { Lease } from '#engine/contracts.ts';
import { MirroredBlobs, type RemoteBlob } from './mirrored-blobs.ts';

const content = randomBytes(600_000);
const digest = parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
const never = new AbortController().signal;
const lease: Lease = {
  hold: () => Promise.resolve(),
  close: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

interface Room extends AsyncDisposable {
  blobs: DiskBlobStore;
  mirrored: MirroredBlobs;
  /** What is waited for; to be let pass by the test. */
  pauses: { pass: () => void; stopped: boolean }[];
}

async function room(): Promise<Room> {
  const root = await mkdtemp(join(tmpdir(), 'berth-mirrored-'));
  const blobs = await DiskBlobStore.open(root);
  const pauses: Room['pauses'] = [];
  const sleep = (_ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const pause = { pass: resolve, stopped: false };
      pauses.push(pause);
      signal?.addEventListener('abort', () => {
        pause.stopped = true;
        reject(new Error('stopped'));
      });
    });
  const mirrored = new MirroredBlobs({ blobs, care: { ingest: (work) => work(lease) }, clock: { sleep } });
  return {
    ...{ blobs, mirrored, pauses },
    [Symbol.asyncDispose]: async () => {
      await mirrored.close();
      await rm(root, { recursive: true });
    },
  };
}

/** A blob whose upstream sends what the test writes. */
function sent(
  fetches: { offset: number; direct: boolean; source: PassThrough; signal: AbortSignal }[],
): RemoteBlob {
  return {
    ...{ mediaType: '', digest, size: content.length, onWhole: () => undefined },
    fetch: (offset, signal, direct) => {
      const source = new PassThrough();
      signal.addEventListener('abort', () => source.destroy());
      fetches.push({ offset, direct, source, signal });
      return Promise.resolve(source);
    },
  };
}

test('a download that everybody left goes on for a while, and the next begins where it stopped', async () => {
  await using one = await room();
  const fetches: Parameters<typeof sent>[0] = [];
  const blob = sent(fetches);
  const reader = await one.mirrored.open(blob, { start: 0 }, never);
  fetches[0]?.source.write(content.subarray(0, 500_000));
  await once(reader, 'readable');
  reader.destroy();
  await once(reader, 'close');
  const back = await one.mirrored.open(blob, { start: 100, end: 199 }, never);
  assert.deepEqual(await buffer(back), content.subarray(100, 200));
  assert.equal(fetches.length, 1, 'who comes back reads along');
  for (const { pass } of one.pauses) pass();
  await once(fetches[0]?.source ?? reader, 'close');
  while ((await one.blobs.partials())[0]?.inUse !== false);
  const again = await one.mirrored.open(blob, { start: 0 }, never);
  const offset = fetches[1]?.offset ?? 0;
  assert.ok(offset > 0 && offset <= 500_000, String(offset));
  fetches[1]?.source.end(content.subarray(offset));
  assert.deepEqual(await buffer(again), content);
});

test('a reader that stays keeps a download from being stopped', async () => {
  await using one = await room();
  const fetches: Parameters<typeof sent>[0] = [];
  const blob = sent(fetches);
  const [leaves, stays] = await Promise.all([
    one.mirrored.open(blob, { start: 0 }, never),
    one.mirrored.open(blob, { start: 0 }, never),
  ]);
  leaves.destroy();
  await once(leaves, 'close');
  assert.equal(one.pauses.length, 0);
  fetches[0]?.source.end(content);
  assert.deepEqual(await buffer(stays), content);
  assert.equal(fetches.length, 1);
});

test('the last byte waits for the digest, and after wrong content the upstream itself is asked', async () => {
  await using one = await room();
  const fetches: Parameters<typeof sent>[0] = [];
  const blob = sent(fetches);
  const reader = await one.mirrored.open(blob, { start: 0 }, never);
  fetches[0]?.source.end(randomBytes(content.length));
  let seen = 0;
  reader.on('data', (chunk: Buffer) => (seen += chunk.length));
  await assert.rejects(once(reader, 'end'), { code: 'blob-digest-mismatch' });
  assert.equal(seen, content.length - 1);
  assert.deepEqual(await one.blobs.partials(), []);
  const again = await one.mirrored.open(blob, { start: 0 }, never);
  assert.deepEqual([fetches[0]?.direct, fetches[1]?.direct], [false, true]);
  fetches[1]?.source.end(content);
  assert.deepEqual(await buffer(again), content);
});

test('what somebody else brings in now is passed on, and its last bytes only when they are right', async () => {
  await using one = await room();
  await using pulled = await one.blobs.resume({ digest, size: content.length });
  assert.ok(pulled !== undefined);
  let given = content;
  const fetch: RemoteBlob['fetch'] = (offset) =>
    Promise.resolve(Readable.from([given.subarray(offset)], { objectMode: false }));
  const blob = { ...sent([]), fetch };
  assert.deepEqual(await buffer(await one.mirrored.open(blob, { start: 0 }, never)), content);
  const part = await one.mirrored.open(blob, { start: 10, end: 19 }, never);
  assert.deepEqual(await buffer(part), content.subarray(10, 20));
  given = randomBytes(content.length);
  const wrong = await one.mirrored.open(blob, { start: 0 }, never);
  await assert.rejects(buffer(wrong), { code: 'blob-digest-mismatch' });
});

test('an upstream that refuses is told to all who wait, and a reader that gives up waits no longer', async () => {
  await using one = await room();
  const refusal = Promise.withResolvers<Readable>();
  refusal.promise.catch(() => undefined);
  const blob = { ...sent([]), fetch: () => refusal.promise };
  const gone = new AbortController();
  const [first, second] = [never, gone.signal].map((signal) => one.mirrored.open(blob, { start: 0 }, signal));
  gone.abort(new Error('the client has gone'));
  await assert.rejects(second ?? Promise.resolve(), /the client has gone/);
  refusal.reject(new Error('no such blob'));
  await assert.rejects(first ?? Promise.resolve(), /no such blob/);
});
