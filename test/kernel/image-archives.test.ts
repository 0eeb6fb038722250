import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { isKind } from '#base/errors.ts';
import { tarMembers } from '#domain/archive/tar-members.ts';
import { coded, digestOf, layerOf } from '../contract/snapshotter.ts';
import { blobsIn, configOf, dockerArchive, load, lower, store, upper } from '../support/image-archives.ts';
import { imageRoom } from '../support/image-room.ts';
import { noise } from '../support/noise.ts';

test('an archive of docker save is loaded, layers that images share once', async () => {
  await using room = await imageRoom();
  const images = [
    { config: configOf([lower]), tags: ['app:1', 'localhost:5000/app:1'], layers: [lower] },
    { config: configOf([lower, upper]), tags: [], layers: [lower, upper] },
  ];
  const lines = await load(room, dockerArchive(images));
  const [first, second] = images.map(({ config }) => digestOf(Buffer.from(JSON.stringify(config))));
  assert.deepEqual(
    lines.flatMap((line) => line.stream ?? []),
    ['Loaded image: app:1\n', 'Loaded image: localhost:5000/app:1\n', `Loaded image ID: ${second}\n`],
  );
  const image = room.images.get('app:1');
  assert.equal(image.id, first);
  assert.equal(room.images.get(image.id.slice(7, 19)).id, first);
  assert.equal(image.size, 2);
  const whole = room.images.get(second ?? '');
  await room.snapshots.view(whole.chainId, async (root) => {
    assert.equal(await readFile(join(root, 'etc/app'), 'utf8'), 'app');
    assert.equal(await readFile(join(root, 'bin/true'), 'utf8'), '#!');
  });
  assert.equal((await room.snapshots.listCommitted()).length, 2);
  assert.equal(await blobsIn(room), 6);
});

test('an archive that nobody reads, or not to its end, lets go of the image', async () => {
  await using room = await imageRoom();
  await load(room, dockerArchive([{ config: configOf([lower]), tags: ['app:1'], layers: [lower] }]));
  for (const isRead of [false, true]) {
    const archive = room.images.save(['app:1']);
    if (isRead) {
      await once(archive, 'readable');
      assert.ok(archive.read(1) !== null && room.images.contents.isWorking);
    }
    archive.destroy();
    await once(archive, 'close');
    assert.equal(room.images.contents.isWorking, false);
  }
});

for (const [name, compress] of [
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const)
  test(`layers and a whole archive compressed by ${name} are loaded, the layers kept as they are`, async () => {
    await using room = await imageRoom();
    const config = configOf([lower, upper]);
    const packed = [lower, upper].map((layer) => compress(layer));
    await load(room, compress(dockerArchive([{ config, tags: ['a'], layers: packed }])));
    const image = room.images.get('a');
    assert.deepEqual(
      image.layers.map((layer) => layer.digest),
      packed.map(digestOf),
    );
    assert.match(image.layers[0]?.mediaType ?? '', new RegExp(name));
  });

test('what is saved loads elsewhere with the same ids, tags and manifest', async () => {
  await using room = await imageRoom();
  await store(room, ['docker.io/library/app:1', 'docker.io/library/app:2'], [lower, upper]);
  const archive = await buffer(room.images.save(['app:1']));
  await using other = await imageRoom();
  assert.deepEqual(
    (await load(other, archive)).flatMap((line) => line.stream ?? []),
    ['Loaded image: app:1\n'],
  );
  const [before, after] = [room.images.get('app:1'), other.images.get('app:1')];
  assert.deepEqual(
    [after.id, after.manifestDigest, after.tags, after.chainId],
    [before.id, before.manifestDigest, ['docker.io/library/app:1'], before.chainId],
  );
  const byId = await buffer(room.images.save([before.id]));
  await using third = await imageRoom();
  assert.deepEqual(
    (await load(third, byId)).flatMap((line) => line.stream ?? []),
    [`Loaded image ID: ${before.id}\n`],
  );
  assert.throws(
    () => room.images.save(['nothing']),
    (error) => isKind(error, 'not-found'),
  );
});

test('a saved archive is an OCI layout without manifest.json too', async () => {
  await using room = await imageRoom();
  await store(room, ['docker.io/library/app:1'], [lower]);
  const kept: Parameters<typeof layerOf>[0] = [];
  for await (const { entry, body } of tarMembers(room.images.save(['app:1']))) {
    const content = await buffer(body);
    if (entry.name !== 'manifest.json') kept.push([entry.name, entry.type, { content }]);
  }
  await using other = await imageRoom();
  await load(other, layerOf(kept));
  assert.equal(other.images.get('app:1').id, room.images.get('app:1').id);
});

test('a damaged archive is refused and leaves neither image nor blob', async () => {
  await using room = await imageRoom();
  const good = dockerArchive([{ config: configOf([lower]), tags: ['a'], layers: [lower] }]);
  const wrong = dockerArchive([{ config: configOf([upper]), tags: ['a'], layers: [lower] }]);
  const short = dockerArchive([{ config: configOf([lower, upper]), tags: ['a'], layers: [lower] }]);
  await assert.rejects(load(room, good.subarray(0, 1200)), coded('archive-corrupt'));
  await assert.rejects(load(room, gzipSync(good).subarray(0, 200)), coded('archive-corrupt'));
  await assert.rejects(load(room, wrong), coded('layer-digest-mismatch'));
  await assert.rejects(load(room, short), coded('image-layers-mismatch'));
  await assert.rejects(load(room, Buffer.from('no archive at all, just words')), coded('archive-corrupt'));
  await assert.rejects(load(room, layerOf([['x', 'file']])), coded('archive-corrupt'));
  const missing = layerOf([
    ['manifest.json', 'file', { content: '[{"Config":"a.json","RepoTags":["a"],"Layers":[]}]' }],
  ]);
  await assert.rejects(load(room, missing), /names 'a.json' but does not hold it/);
  const bad = layerOf([
    ['a.json', 'file', { content: '{"os":"linux"}' }],
    ['manifest.json', 'file', { content: '[{"Config":"a.json","RepoTags":["a"],"Layers":[]}]' }],
  ]);
  await assert.rejects(load(room, bad), coded('image-document-invalid'));
  assert.deepEqual(room.images.list(), []);
  assert.equal(await blobsIn(room), 0);
  assert.deepEqual(await room.snapshots.listCommitted(), []);
});

test('a root file system is imported with changes, compressed or not', async () => {
  await using room = await imageRoom();
  for (const archive of [lower, gzipSync(lower)]) {
    const image = await room.images.importRoot(Readable.from([archive], { objectMode: false }), {
      reference: 'imported:1',
      changes: ['CMD ["/bin/true"]', 'ENV A=1 B="two words"', 'expose 80', 'LABEL x=y', 'WORKDIR /srv'],
      message: 'from a test',
    });
    assert.deepEqual(image.tags, ['docker.io/library/imported:1']);
    assert.deepEqual(image.config.config, {
      Cmd: ['/bin/true'],
      Env: ['A=1', 'B=two words'],
      ExposedPorts: { '80/tcp': {} },
      Labels: { x: 'y' },
      WorkingDir: '/srv',
    });
    assert.equal(image.config.history?.[0]?.comment, 'from a test');
    assert.equal(image.chainId, digestOf(lower));
  }
  await assert.rejects(
    room.images.importRoot(Readable.from([lower]), { changes: ['RUN x'], message: '' }),
    /RUN is not a valid change command/,
  );
});

test('an archive that ends while its first files still go to the disk is refused, and nothing of it is left', async () => {
  await using room = await imageRoom();
  const { promise: failed, resolve: fail } = Promise.withResolvers<void>();
  const write = room.blobs.write.bind(room.blobs);
  // What is whole reaches the disk only when the cut one has failed.
  room.blobs.write = async (...blob) => {
    const written = await write(...blob).catch((error: unknown) => {
      setImmediate(fail);
      throw error;
    });
    await failed;
    return written;
  };
  const archive = layerOf(['a', 'b', 'cut'].map((name) => [name, 'file', { content: noise(2000) }]));
  await assert.rejects(load(room, archive.subarray(0, 7000)), /it ends in the middle of a member/);
  assert.equal(await blobsIn(room), 0);
});
