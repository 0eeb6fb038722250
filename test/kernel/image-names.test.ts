import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { digestOf } from '../contract/snapshotter.ts';
import { blobsIn, configOf, dockerArchive, load, lower, store, upper } from '../support/image-archives.ts';
import { imageRoom } from '../support/image-room.ts';

test('tags move, and the last name of an image takes it, its blobs and snapshots with it', async () => {
  await using room = await imageRoom();
  const base = await store(room, ['docker.io/library/base:latest'], [lower]);
  const app = await store(room, ['docker.io/library/app:1'], [lower, upper]);
  await room.images.tag('app:1', 'app:2');
  await room.images.tag('base', 'app:1');
  assert.deepEqual(room.images.get(base.id).tags, [
    'docker.io/library/app:1',
    'docker.io/library/base:latest',
  ]);
  assert.deepEqual(room.images.get(app.id).tags, ['docker.io/library/app:2']);
  assert.deepEqual(await room.images.remove('app:2', { force: false, prune: true }), [
    { Untagged: 'app:2' },
    { Deleted: app.id },
    { Deleted: app.chainId },
  ]);
  assert.equal((await room.snapshots.listCommitted()).length, 1);
  await assert.rejects(
    room.images.remove(base.id, { force: false, prune: true }),
    /conflict: unable to delete [0-9a-f]{12} \(must be forced\) - image is referenced in multiple repositories/,
  );
  assert.deepEqual(await room.images.remove(base.id.slice(0, 20), { force: true, prune: true }), [
    { Untagged: 'app:1' },
    { Untagged: 'base:latest' },
    { Deleted: base.id },
    { Deleted: base.chainId },
  ]);
  assert.equal(await blobsIn(room), 0);
  assert.deepEqual(
    room.events.filter((event) => !event.includes('untag')),
    [
      ...[`image create ${base.id}`, `image create ${app.id}`, `image tag ${app.id}`, `image tag ${base.id}`],
      ...[`image delete ${app.id}`, `image delete ${base.id}`],
    ],
  );
  await assert.rejects(
    room.images.remove('app:9', { force: false, prune: true }),
    /^BerthError: No such image: app:9$/,
  );
});

test('an image that containers use is kept as Docker keeps it', async () => {
  await using room = await imageRoom();
  const { id } = await store(room, ['docker.io/library/app:1'], [lower]);
  const containerId = 'c'.repeat(64);
  let running = true;
  room.images.usedBy((imageId) => (imageId === id ? [{ containerId, running }] : []));
  const remove = (name: string, force: boolean): Promise<unknown> =>
    room.images.remove(name, { force, prune: true });
  await assert.rejects(
    remove('app:1', false),
    /conflict: unable to remove repository reference "app:1" \(must force\) - container c{12} is using its referenced image/,
  );
  await assert.rejects(
    remove(id, true),
    /cannot be forced\) - image is being used by running container c{12}/,
  );
  running = false;
  await assert.rejects(
    remove(id, false),
    /must be forced\) - image is being used by stopped container c{12}/,
  );
  running = true;
  assert.deepEqual(await remove('app:1', true), [{ Untagged: 'app:1' }]);
  running = false;
  assert.equal(room.images.get(id).id, id);
  await room.snapshots.create('user', room.images.get(id).chainId);
  assert.deepEqual(await remove(id, true), [{ Deleted: id }]);
  assert.equal((await room.snapshots.listCommitted()).length, 1);
});

test('what somebody holds is not collected with the image that it was part of', async () => {
  await using room = await imageRoom();
  const image = await store(room, ['docker.io/library/app:1'], [lower]);
  const layer = digestOf(lower);
  const lease = room.images.lease();
  await lease.hold(layer);
  assert.deepEqual(await room.images.remove('app:1', { force: false, prune: true }), [
    { Untagged: 'app:1' },
    { Deleted: image.id },
  ]);
  assert.ok(await room.blobs.stat(layer));
  await lease.close();
  await store(room, ['docker.io/library/app:1'], [lower]);
  await room.images.remove('app:1', { force: false, prune: true });
  assert.equal(await blobsIn(room), 0);
});

test('loads and removals of the same image at once end with it whole or gone', async () => {
  await using room = await imageRoom();
  const archive = dockerArchive([
    { config: configOf([lower, upper]), tags: ['a:1'], layers: [lower, upper] },
  ]);
  for (let round = 0; round < 10; round++) {
    await load(room, archive);
    await Promise.all([
      room.images.remove('a:1', { force: false, prune: true }).catch(() => []),
      load(room, archive),
      load(room, archive),
    ]);
    const image = room.images.find('a:1');
    if (image === undefined) continue;
    await room.snapshots.view(image.chainId, async (root) =>
      assert.equal(await readFile(join(root, 'etc/app'), 'utf8'), 'app'),
    );
    for (const digest of [image.id, image.manifestDigest, ...image.layers.map((layer) => layer.digest)])
      assert.ok(await room.blobs.stat(digest), digest);
  }
});

test('after a restart the images are there, and what an interrupted load brought in is gone', async () => {
  await using room = await imageRoom();
  const { id } = await store(room, ['docker.io/library/app:1'], [lower]);
  const { digest } = await room.blobs.write([Buffer.from('half of a pull')]);
  await room.snapshots.unpack(digestOf(upper), '', Readable.from([upper]));
  for (const left of [digest, digestOf(upper), id, digestOf(lower)])
    room.state.collection('image-ingest').put(left, { since: '2026-01-01T00:00:00Z' });
  const images = await room.restart();
  assert.equal(images.get('app:1').id, id);
  assert.equal(await room.blobs.stat(digest), undefined);
  assert.deepEqual(
    (await room.snapshots.listCommitted()).map(({ chainId }) => chainId),
    [digestOf(lower)],
  );
  assert.deepEqual(room.state.collection('image-ingest').entries(), []);
});

test('snapshots that are gone are unpacked again from the blobs at the next start', async () => {
  await using room = await imageRoom();
  const image = await store(room, ['docker.io/library/app:1'], [lower, upper]);
  await store(room, ['docker.io/library/base:1'], [lower]);
  const top = image.chainId;
  assert.ok(top !== '');
  await room.snapshots.removeCommitted(top);
  await room.snapshots.removeCommitted(digestOf(lower));
  assert.deepEqual(await room.snapshots.listCommitted(), []);
  await room.restart();
  assert.equal((await room.snapshots.listCommitted()).length, 2);
  await room.snapshots.view(image.chainId, async (root) =>
    assert.equal(await readFile(join(root, 'etc/app'), 'utf8'), 'app'),
  );
});

for (const [what, content] of [
  ['cut off', ''],
  ['another one', 'not a layer'],
] as const)
  test(`a snapshot that is gone, whose blob is ${what}, keeps nobody from the others`, async () => {
    await using room = await imageRoom();
    await store(room, ['docker.io/library/damaged:1'], [lower]);
    await store(room, ['docker.io/library/whole:1'], [upper]);
    for (const chainId of [digestOf(lower), digestOf(upper)]) await room.snapshots.removeCommitted(chainId);
    await writeFile(join(room.root, 'blobs/sha256', digestOf(lower).slice('sha256:'.length)), content);
    await room.restart();
    assert.deepEqual(
      (await room.snapshots.listCommitted()).map(({ chainId }) => chainId),
      [digestOf(upper)],
    );
  });

test('a snapshot made from an image takes the writes of a container and leaves the image as it is', async () => {
  await using room = await imageRoom();
  const image = await store(room, ['docker.io/library/app:1'], [lower, upper]);
  await room.snapshots.create('one', image.chainId);
  const root = await room.snapshots.mount('one');
  await rm(join(root, 'bin'), { recursive: true });
  await mkdir(join(root, 'new'));
  await writeFile(join(root, 'etc/app'), 'changed');
  await room.snapshots.view(image.chainId, async (view) =>
    assert.deepEqual((await readdir(view)).sort(), ['bin', 'etc']),
  );
});
