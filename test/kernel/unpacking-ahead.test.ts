import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { layerOf } from '../contract/snapshotter.ts';
import { configOf, dockerArchive, load, lower, upper } from '../support/image-archives.ts';
import { imageRoom } from '../support/image-room.ts';
import { noise } from '../support/noise.ts';

const big = layerOf([
  ['first', 'file', { content: noise(300_000) }],
  ['last', 'file', { content: 'l' }],
]);

test('a layer is unpacked while the rest of its archive has not come', async (t) => {
  await using room = await imageRoom();
  const stage = room.snapshots.stage.bind(room.snapshots);
  const unpacked = Promise.withResolvers<void>();
  t.mock.method(room.snapshots, 'stage', async (...layer: Parameters<typeof stage>) => {
    const staged = await stage(...layer);
    unpacked.resolve();
    return staged;
  });
  const archive = dockerArchive([{ config: configOf([big]), tags: ['app:1'], layers: [gzipSync(big)] }]);
  // All but the last member, the manifest: its header, one block and the archive's end.
  const cut = archive.length - 2048;
  async function* arriving(): AsyncGenerator<Buffer> {
    yield archive.subarray(0, cut);
    await unpacked.promise;
    assert.deepEqual(await room.snapshots.listCommitted(), []);
    yield archive.subarray(cut);
  }
  await room.images.load(Readable.from(arriving(), { objectMode: false }), () => undefined);
  const { chainId } = room.images.get('app:1');
  assert.deepEqual(await room.snapshots.view(chainId, (root) => readdir(root)), ['first', 'last']);
  assert.deepEqual(await readdir(join(room.root, 'snapshots/temporary')), []);
});

test('an archive that ends too early leaves nothing of what was unpacked ahead', async () => {
  await using room = await imageRoom();
  const archive = dockerArchive([{ config: configOf([big]), tags: ['app:1'], layers: [gzipSync(big)] }]);
  await assert.rejects(load(room, archive.subarray(0, archive.length - 4096)), { code: 'archive-corrupt' });
  for (const folder of ['snapshots/temporary', 'snapshots/committed', 'blobs/sha256', 'blobs/incoming'])
    assert.deepEqual(await readdir(join(room.root, folder)), [], folder);
});

test('a layer that images of one archive have in other places is there in each', async () => {
  await using room = await imageRoom();
  const images = [
    { config: configOf([lower, big]), tags: ['one:1'], layers: [lower, big] },
    { config: configOf([big, upper]), tags: ['other:1'], layers: [big, upper] },
  ];
  await load(room, dockerArchive(images));
  const shown = async (name: string): Promise<string[]> =>
    (await room.snapshots.view(room.images.get(name).chainId, (root) => readdir(root))).sort();
  assert.deepEqual(await shown('one:1'), ['bin', 'first', 'last']);
  assert.deepEqual(await shown('other:1'), ['etc', 'first', 'last']);
  assert.equal((await room.snapshots.listCommitted()).length, 4);
});

test('several that load one image at once end with it, each layer once', async () => {
  await using room = await imageRoom();
  const archive = dockerArchive([
    { config: configOf([lower, big]), tags: ['app:1'], layers: [lower, gzipSync(big)] },
  ]);
  await Promise.all([1, 2, 3, 4].map(() => load(room, archive)));
  assert.equal((await room.snapshots.listCommitted()).length, 2);
  assert.deepEqual(await readdir(join(room.root, 'snapshots/temporary')), []);
});
