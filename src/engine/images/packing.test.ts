import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { packed } from '#engine/images/packing.ts';
import { noise } from '../../../test/support/noise.ts';

const content = Buffer.concat([noise(2_500_000), Buffer.alloc(3_000_000, 'zero')]);

async function* chunks(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += 70_001)
    yield await Promise.resolve(content.subarray(at, at + 70_001));
}

test('what is packed in blocks unpacks to the same, with gzip and with zstd', async () => {
  assert.ok(gunzipSync(await buffer(packed(chunks(), { kind: 'gzip', level: 0 }))).equals(content));
  assert.ok(zstdDecompressSync(await buffer(packed(chunks(), { kind: 'zstd', level: 0 }))).equals(content));
});

test('the same bytes come out each time, other ones at another level', async () => {
  const at = (level: number): Promise<Buffer> => buffer(packed(chunks(), { kind: 'gzip', level }));
  const first = await at(1);
  assert.ok(first.equals(await at(1)));
  assert.ok(!first.equals(await at(9)));
});

test('an empty stream is packed too, and a source that fails passes its error on', async () => {
  assert.equal(gunzipSync(await buffer(packed(Readable.from([]), { kind: 'gzip', level: 0 }))).length, 0);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield* chunks();
    throw new Error('line cut');
  }
  await assert.rejects(buffer(packed(broken(), { kind: 'zstd', level: 0 })), /line cut/);
});
