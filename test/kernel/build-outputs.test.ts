import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { tarMembers } from '#domain/archive/tar-members.ts';
import { buildRoom } from '../support/build-room.ts';

const files = { Dockerfile: 'FROM scratch\nCOPY a.txt /d/a\n', 'a.txt': 'content' };
const epoch = 1_000_000;

test('what a build makes goes where it is wanted: archives, a tar of its files, and the files themselves', async () => {
  await using room = await buildRoom();
  const archives: Record<string, Buffer> = {};
  const into =
    (name: string) =>
    async (archive: Readable): Promise<void> => {
      archives[name] = await buffer(archive);
    };
  let seen = '';
  const { image } = await room.build(files, {
    sourceDateEpoch: epoch,
    outputs: [
      { kind: 'image', names: ['named:1'], push: false },
      { kind: 'oci', names: ['archive:1'], write: into('oci') },
      { kind: 'tar', write: into('tar') },
      {
        kind: 'local',
        send: ([{ folder } = { folder: '' }]) => {
          seen = readFileSync(join(folder, 'd/a'), 'utf8');
          assert.ok(!existsSync(join(folder, 'a.txt')));
          return Promise.resolve();
        },
      },
    ],
  });
  assert.equal(room.room.images.get('named:1').id, image.id);
  assert.equal(seen, 'content');
  const members = async (name: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const { entry } of tarMembers(Readable.from([archives[name] ?? Buffer.alloc(0)]))) {
      found.push(entry.name);
      if (name === 'tar') assert.equal(entry.mtime, epoch, entry.name);
    }
    return found;
  };
  assert.deepEqual(await members('tar'), ['d/', 'd/a']);
  const layout = await members('oci');
  assert.ok(layout.includes('oci-layout') && layout.includes('index.json'));
  assert.ok(layout.includes(`blobs/${image.manifestDigest.replace(':', '/')}`));
});

test('an output that cannot be written fails the build', async () => {
  await using room = await buildRoom();
  const write = (archive: Readable): Promise<void> => {
    archive.destroy();
    return Promise.reject(new Error('the disk is full'));
  };
  await assert.rejects(room.build(files, { outputs: [{ kind: 'tar', write }] }), /the disk is full/);
});
