import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { isKind } from '#base/errors.ts';
import { parseDigest, type Digest } from '#domain/image/digest.ts';
import type { BlobStore } from '#ports/blob-store.ts';

export interface BlobStoreFixture extends AsyncDisposable {
  store: BlobStore;
}

const digestOf = (content: Uint8Array): Digest =>
  parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);

const coded =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof Error && 'code' in error && error.code === code;

async function listed(store: BlobStore): Promise<string[]> {
  const digests: string[] = [];
  for await (const blob of store.list()) digests.push(blob.digest);
  return digests.sort();
}

/** What every blob store does. `make` gives an empty one. */
export function blobStoreContract(name: string, make: () => Promise<BlobStoreFixture>): void {
  const content = Buffer.from('hello blobs');
  const digest = digestOf(content);

  test(`${name}: what was written is found, read whole, in part and listed`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    assert.deepEqual(await store.write([content.subarray(0, 5), content.subarray(5)]), {
      digest,
      size: 11,
    });
    assert.deepEqual(await store.stat(digest), { digest, size: 11 });
    assert.deepEqual(await store.read(digest), content);
    assert.deepEqual(await buffer(await store.open(digest)), content);
    assert.equal((await buffer(await store.open(digest, { start: 6 }))).toString(), 'blobs');
    assert.equal((await buffer(await store.open(digest, { start: 0, end: 4 }))).toString(), 'hello');
    assert.deepEqual(await listed(store), [digest]);
  });

  test(`${name}: content other than promised is refused and leaves nothing`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    await assert.rejects(
      store.write([content], { digest: digestOf(Buffer.from('x')) }),
      coded('blob-digest-mismatch'),
    );
    await assert.rejects(store.write([content], { digest, size: 12 }), coded('blob-size-mismatch'));
    await assert.rejects(store.write([content, content], { digest, size: 11 }), coded('blob-size-mismatch'));
    assert.deepEqual(await listed(store), []);
  });

  test(`${name}: a source that fails passes its error on and leaves nothing`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(content);
      throw new Error('line cut');
    }
    await assert.rejects(store.write(broken()), /line cut/);
    assert.deepEqual(await listed(store), []);
  });

  test(`${name}: a blob is visible only when it is complete`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    const gate = Promise.withResolvers<undefined>();
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield content;
      await gate.promise;
    }
    const writing = store.write(slow());
    assert.equal(await store.stat(digest), undefined);
    assert.deepEqual(await listed(store), []);
    gate.resolve(undefined);
    await writing;
    assert.deepEqual(await listed(store), [digest]);
  });

  test(`${name}: many writers of one blob all succeed`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    const many = await Promise.all(Array.from({ length: 8 }, () => store.write([content], { digest })));
    assert.ok(many.every((info) => info.digest === digest && info.size === 11));
    assert.deepEqual(await store.read(digest), content);
    assert.deepEqual(await listed(store), [digest]);
  });

  test(`${name}: a missing or too large blob is said so by its digest`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    for (const read of [() => store.open(digest), () => store.read(digest)])
      await assert.rejects(read(), (error) => isKind(error, 'not-found') && error.message.includes(digest));
    await store.write([content]);
    await assert.rejects(store.read(digest, 10), coded('blob-too-large'));
  });

  test(`${name}: a deleted blob is gone, can be deleted again, and a reader that has it open goes on`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    await store.write([content]);
    const reader = await store.open(digest);
    await store.delete(digest);
    await store.delete(digest);
    assert.equal(await store.stat(digest), undefined);
    assert.deepEqual(await buffer(reader), content);
  });

  test(`${name}: the empty blob and one of many chunks keep their digest`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    assert.equal((await store.write([])).size, 0);
    const chunks = Array.from({ length: 50 }, (_, i) => Buffer.alloc(70_001, i));
    const whole = Buffer.concat(chunks);
    assert.deepEqual(await store.write(chunks), { digest: digestOf(whole), size: whole.length });
    assert.deepEqual(await buffer(await store.open(digestOf(whole))), whole);
  });
}
