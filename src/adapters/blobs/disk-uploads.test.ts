import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DiskBlobStore } from './disk-blob-store.ts';
import { DiskUploads } from './disk-uploads.ts';

const id = 'a'.repeat(64);

async function room(): Promise<
  AsyncDisposable & { root: string; open: () => Promise<[DiskUploads, DiskBlobStore]> }
> {
  const root = await mkdtemp(join(tmpdir(), 'berth-uploads-'));
  const open = async (): Promise<[DiskUploads, DiskBlobStore]> => {
    const blobs = await DiskBlobStore.open(root);
    return [await DiskUploads.open(root, blobs), blobs];
  };
  return { root, open, [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
}

async function* pieces(...texts: (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield await Promise.resolve(Buffer.from(text));
  }
}

function digestOf(text: string, algorithm: string): string {
  return `${algorithm}:${createHash(algorithm).update(text).digest('hex')}`;
}

test('an upload is gone on with after its source broke and after a restart, and becomes a blob by its name', async () => {
  await using dir = await room();
  const [first] = await dir.open();
  await first.create(id);
  await assert.rejects(first.append(id, pieces('one ', new Error('cut'))), /cut/);
  assert.equal(await first.size(id), 4);
  const [again, blobs] = await dir.open();
  assert.deepEqual(await again.list(), [id]);
  assert.equal(await again.append(id, pieces('t', 'wo')), 7);
  const { digest, size } = await again.commit(id, { digest: digestOf('one two', 'sha512') });
  assert.deepEqual([digest, size], [digestOf('one two', 'sha256'), 7]);
  assert.equal((await blobs.read(digest)).toString(), 'one two');
  assert.deepEqual([await again.size(id), await again.list()], [undefined, []]);
});

test('of more than was announced nothing stays, and another digest makes no blob', async () => {
  await using dir = await room();
  const [uploads, blobs] = await dir.open();
  await uploads.create(id);
  await uploads.append(id, pieces('kept'));
  await assert.rejects(uploads.append(id, pieces('12', '345'), 4), { code: 'upload-too-long' });
  assert.equal(await uploads.size(id), 4);
  await assert.rejects(uploads.commit(id, { digest: digestOf('other', 'sha256') }), {
    code: 'blob-digest-mismatch',
  });
  for await (const blob of blobs.list()) assert.fail(blob.digest);
  assert.equal((await uploads.commit(id, { digest: digestOf('kept', 'sha256') })).size, 4);
});

test('no id leads out of the folder', async () => {
  await using dir = await room();
  const [uploads] = await dir.open();
  for (const other of ['../../../x', '', 'A'.repeat(32), 'a/b'])
    await assert.rejects(uploads.create(other), { code: 'upload-id-invalid' });
});

test('a blob that is set aside is there for people, not in the store', async () => {
  await using dir = await room();
  const [, blobs] = await dir.open();
  const { digest } = await blobs.write([Buffer.from('damaged')]);
  await blobs.setAside(digest);
  await blobs.setAside(digest);
  assert.equal(await blobs.stat(digest), undefined);
  assert.deepEqual(await readdir(join(dir.root, 'blobs', 'damaged')), [digest.slice(7)]);
});
