import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import type { ByteReader } from '#base/byte-reader.ts';
import { isKind } from '#base/errors.ts';
import { parseDigest, type Digest } from '#domain/image/digest.ts';
import type { BlobInfo, BlobStore } from '#ports/blob-store.ts';

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

  test(`${name}: what a reader gives is stored, and the reader closed whatever comes of it`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    const large = Buffer.alloc(1_300_000, 'a reader may give any number of bytes');
    let closed = 0;
    const reading = (of: Buffer): ByteReader => {
      let at = 0;
      return {
        read: (into) => {
          const part = of.copy(into, 0, at, at + 70_001);
          at += part;
          return Promise.resolve(part);
        },
        close: () => {
          closed++;
          return Promise.resolve();
        },
      };
    };
    const info = { digest: digestOf(large), size: large.length };
    assert.deepEqual(await store.write(reading(large)), info);
    assert.deepEqual(await store.read(info.digest), large);
    assert.equal((await store.write(reading(Buffer.alloc(0)))).size, 0);
    await assert.rejects(store.write(reading(large), { size: 9 }), coded('blob-size-mismatch'));
    assert.equal(closed, 3);
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

  test(`${name}: a blob that did not come whole is gone on with from the bytes that are there`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    const blob = { digest, size: content.length };
    await assert.rejects(received(store, blob, [content.subarray(0, 4)], true), /line cut/);
    assert.equal(await store.stat(digest), undefined);
    assert.equal(await received(store, blob, [content.subarray(4)]), 4);
    assert.deepEqual(await store.read(digest), content);
    assert.equal(await store.resume(blob), undefined);
  });

  test(`${name}: who reads a blob on its way gets it as it comes, and its end only when it is right`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    await using partial = await store.resume({ digest, size: content.length });
    assert.ok(partial !== undefined);
    const gate = Promise.withResolvers<undefined>();
    const reading = partial.read();
    const receiving = partial.receive(
      (async function* () {
        yield content;
        await gate.promise;
      })(),
    );
    gate.resolve(undefined);
    assert.deepEqual(await buffer(reading), content);
    await receiving;
    await using wrong = await store.resume({ digest: digestOf(Buffer.from('x')), size: content.length });
    assert.ok(wrong !== undefined);
    const misled = buffer(wrong.read());
    await assert.rejects(wrong.receive(Readable.from([content])), coded('blob-digest-mismatch'));
    await assert.rejects(misled, coded('blob-digest-mismatch'));
  });

  test(`${name}: a part of a blob on its way is read once it is there, and the last byte once all is right`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    await using partial = await store.resume({ digest, size: content.length });
    assert.ok(partial !== undefined);
    const gate = Promise.withResolvers<undefined>();
    const [part, end] = [partial.read({ start: 1, end: 3 }), partial.read({ start: 6 })];
    const receiving = partial.receive(
      (async function* () {
        yield content.subarray(0, 4);
        await gate.promise;
        yield content.subarray(4);
      })(),
    );
    gate.resolve(undefined);
    assert.equal((await buffer(part)).toString(), 'ell');
    assert.equal((await buffer(end)).toString(), 'blobs');
    await receiving;
    await using wrong = await store.resume({ digest: digestOf(Buffer.from('x')), size: content.length });
    assert.ok(wrong !== undefined);
    const misled = wrong.read();
    let seen = 0;
    misled.on('data', (chunk: Buffer) => (seen += chunk.length)).on('error', () => undefined);
    await assert.rejects(wrong.receive(Readable.from([content])), coded('blob-digest-mismatch'));
    await new Promise((resolve) => misled.once('close', resolve));
    assert.equal(seen, content.length - 1);
  });

  test(`${name}: what is read only once the blob is in the store is whole all the same`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    const late = await store.resume({ digest, size: content.length });
    const [read, unread] = [late?.read(), late?.read()];
    await late?.receive(Readable.from([content]));
    await late?.[Symbol.asyncDispose]();
    assert.ok(read !== undefined);
    assert.deepEqual(await buffer(read), content);
    unread?.destroy();
  });

  test(`${name}: wrong content is no beginning, and a demoted blob needs nothing more`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    const blob = { digest, size: content.length };
    await assert.rejects(received(store, blob, [Buffer.from('hello BLOBS')]), coded('blob-digest-mismatch'));
    await assert.rejects(received(store, blob, [content, content]), coded('blob-size-mismatch'));
    assert.equal(await received(store, blob, [content]), 0);
    await store.demote(digest);
    await store.demote(digest);
    assert.deepEqual(await listed(store), []);
    assert.equal(await received(store, blob, []), content.length);
    assert.deepEqual(await store.read(digest), content);
  });

  test(`${name}: one at a time goes on with a blob, and the next finds it`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    const blob = { digest, size: content.length };
    const both = [0, 1].map(() => received(store, blob, [content]));
    assert.deepEqual(await Promise.all(both), [0, undefined]);
  });

  test(`${name}: partial blobs go when nobody has gone on with them for long, not those under way`, async () => {
    await using fixture = await make();
    const { store } = fixture;
    const blob = { digest, size: content.length };
    await assert.rejects(received(store, blob, [content.subarray(0, 4)], true), /line cut/);
    assert.equal(await store.removePartial(0), 0);
    const [left, ...others] = await store.partials();
    assert.ok(left !== undefined && left.touched > 0);
    assert.deepEqual({ ...left, touched: 0 }, { digest, size: 4, touched: 0, inUse: false });
    assert.deepEqual(others, []);
    const underWay = await store.resume(blob);
    assert.equal((await store.partials())[0]?.inUse, true);
    assert.equal(await store.removePartial(Infinity), 0);
    await underWay?.[Symbol.asyncDispose]();
    assert.equal(await store.removePartial(Infinity, (one) => one !== digest), 0);
    assert.equal(await store.removePartial(Infinity, (one) => one === digest), 4);
    assert.equal(await received(store, blob, [content]), 0);
  });
}

/** Brings in what is left of a blob. Gives the bytes that were there before; undefined: it was in the store. */
async function received(
  store: BlobStore,
  blob: BlobInfo,
  chunks: Buffer[],
  breaks = false,
): Promise<number | undefined> {
  await using partial = await store.resume(blob);
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
    if (breaks) throw new Error('line cut');
  }
  await partial?.receive(source());
  return partial?.offset;
}
