import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { blobStoreContract } from '../../../test/contract/blob-store.ts';
import { DiskBlobStore } from './disk-blob-store.ts';

async function scratch(): Promise<AsyncDisposable & { root: string }> {
  const root = await mkdtemp(join(tmpdir(), 'berth-blobs-'));
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

blobStoreContract('blobs on disk', async () => {
  const dir = await scratch();
  return { store: await DiskBlobStore.open(dir.root), [Symbol.asyncDispose]: dir[Symbol.asyncDispose] };
});

test('the next start removes what a crash left half-written, and keeps the blobs', async () => {
  await using dir = await scratch();
  const store = await DiskBlobStore.open(dir.root);
  const { digest } = await store.write([Buffer.from('kept')]);
  await writeFile(join(dir.root, 'blobs/incoming/half'), 'hal');
  const again = await DiskBlobStore.open(dir.root);
  assert.equal((await again.read(digest)).toString(), 'kept');
  assert.deepEqual(await readdir(join(dir.root, 'blobs/incoming')), []);
  assert.deepEqual(await readdir(dir.root), ['blobs', 'oci-layout']);
});

test('a stream that cannot be written down is not left open', async () => {
  await using dir = await scratch();
  const store = await DiskBlobStore.open(dir.root);
  await rm(join(dir.root, 'blobs/incoming'), { recursive: true });
  const source = Readable.from([Buffer.from('content')], { objectMode: false });
  await assert.rejects(store.write(source), { code: 'ENOENT' });
  assert.ok(source.destroyed);
});
