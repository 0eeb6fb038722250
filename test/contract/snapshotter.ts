import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, lstat, mkdir, rm, writeFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { piecesOf } from '#base/byte-reader.ts';
import { isKind } from '#base/errors.ts';
import { paddingOf, type TarEntry, type TarType } from '#domain/archive/tar-entry.ts';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';
import { parseDigest, type Digest } from '#domain/image/digest.ts';
import type { Snapshotter } from '#ports/snapshotter.ts';

export interface SnapshotterFixture extends AsyncDisposable {
  snapshotter: Snapshotter;
}

type Member = [name: string, type: TarType, more?: Partial<TarEntry> & { content?: string | Buffer }];

/** An uncompressed layer tar of these members. */
export function layerOf(members: Member[]): Buffer {
  const parts = members.flatMap(([name, type, { content = '', ...more } = {}]) => {
    const body = typeof content === 'string' ? Buffer.from(content) : content;
    const header = encodeHeader(tarEntry(name, type, { size: body.length, ...more }));
    return [header, body, new Uint8Array(paddingOf(body.length))];
  });
  return Buffer.concat([...parts, tarEnd]);
}

export function digestOf(content: Uint8Array): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
}

export const chain = (name: string): Digest => digestOf(Buffer.from(name));

export function coded(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Error && 'code' in error && error.code === code;
}

/** Unpacks a layer in chunks of a size that divides nothing. */
export function unpack(
  snapshotter: Snapshotter,
  name: string,
  parent: string,
  layer: Buffer,
  expected?: Digest,
): ReturnType<Snapshotter['unpack']> {
  const chunks = Array.from({ length: Math.ceil(layer.length / 777) }, (_, i) =>
    layer.subarray(i * 777, (i + 1) * 777),
  );
  return snapshotter.unpack(
    chain(name),
    parent === '' ? '' : chain(parent),
    Readable.from(chunks, { objectMode: false }),
    expected,
  );
}

const base = layerOf([
  ['etc/', 'directory', { mode: 0o755, mtime: 1000 }],
  ['etc/keep', 'file', { content: 'kept', mode: 0o640, uid: 3, gid: 4, mtime: 1_600_000_000 }],
  ['etc/gone', 'file', { content: 'g' }],
  ['dir/', 'directory'],
  ['dir/inner', 'file', { content: 'i' }],
]);

/** What every snapshotter does. `make` gives an empty one. */
export function snapshotterContract(name: string, make: () => Promise<SnapshotterFixture>): void {
  test(`${name}: a layer is unpacked with its digest and size, and shown read-only`, async () => {
    await using fixture = await make();
    const { snapshotter } = fixture;
    assert.equal(await snapshotter.isCommitted(chain('a')), false);
    const info = await unpack(snapshotter, 'a', '', base, digestOf(base));
    assert.deepEqual(info, { diffId: digestOf(base), size: 6 });
    assert.equal(await snapshotter.isCommitted(chain('a')), true);
    await snapshotter.view(chain('a'), async (root) => {
      assert.equal(await readFile(join(root, 'etc/keep'), 'utf8'), 'kept');
      const stat = await lstat(join(root, 'etc/keep'));
      assert.deepEqual(
        [stat.mode & 0o7777, stat.uid, stat.gid, stat.mtimeMs],
        [0o640, 3, 4, 1_600_000_000_000],
      );
      assert.equal((await lstat(join(root, 'etc'))).mtimeMs, 1_000_000);
      await assert.rejects(writeFile(join(root, 'x'), ''), coded('EROFS'));
    });
    assert.deepEqual(await snapshotter.listCommitted(), [{ chainId: chain('a'), parent: '', size: 6 }]);
  });

  test(`${name}: unpacking what is there already does not read the tar`, async () => {
    await using fixture = await make();
    const { snapshotter } = fixture;
    await unpack(snapshotter, 'a', '', base);
    const unread = new Readable({
      read() {
        this.destroy(new Error('it was read'));
      },
    });
    assert.deepEqual(await snapshotter.unpack(chain('a'), '', unread, digestOf(base)), {
      diffId: digestOf(base),
      size: 6,
    });
    const both = await Promise.all([1, 2, 3].map(() => unpack(snapshotter, 'b', '', base)));
    assert.ok(both.every((info) => info.size === 6));
  });

  test(`${name}: a layer with another digest, cut short or with a failing source leaves nothing`, async () => {
    await using fixture = await make();
    const { snapshotter } = fixture;
    await assert.rejects(unpack(snapshotter, 'a', '', base, chain('other')), coded('layer-digest-mismatch'));
    for (const length of [100, 700, 1026, 1600])
      await assert.rejects(unpack(snapshotter, 'a', '', base.subarray(0, length)), coded('layer-corrupt'));
    const failing = Readable.from(
      (async function* () {
        yield await Promise.resolve(base.subarray(0, 600));
        throw new Error('line cut');
      })(),
    );
    await assert.rejects(snapshotter.unpack(chain('a'), '', failing), /line cut/);
    assert.equal(await snapshotter.isCommitted(chain('a')), false);
    assert.deepEqual(await snapshotter.listCommitted(), []);
    await unpack(snapshotter, 'a', '', base);
  });

  test(`${name}: a layer is unpacked before its place is known, and is gone when it gets none`, async () => {
    await using fixture = await make();
    const { snapshotter } = fixture;
    const stage = (): ReturnType<Snapshotter['stage']> =>
      snapshotter.stage(Readable.from([base], { objectMode: false }));
    const info = { diffId: digestOf(base), size: 6 };
    await using placed = await stage();
    assert.deepEqual(placed.info, info);
    assert.deepEqual(await snapshotter.listCommitted(), []);
    await assert.rejects(placed.place(chain('a'), '', chain('other')), coded('layer-digest-mismatch'));
    assert.deepEqual(await placed.place(chain('a'), '', info.diffId), info);
    await placed[Symbol.asyncDispose]();
    const second = await stage();
    assert.deepEqual(await second.place(chain('a'), ''), info);
    await second[Symbol.asyncDispose]();
    await (await stage())[Symbol.asyncDispose]();
    await assert.rejects(
      snapshotter.stage(Readable.from([base.subarray(0, 700)], { objectMode: false })),
      coded('layer-corrupt'),
    );
    assert.equal((await snapshotter.listCommitted()).length, 1);
    assert.equal(
      await snapshotter.view(chain('a'), (root) => readFile(join(root, 'etc/keep'), 'utf8')),
      'kept',
    );
  });

  test(`${name}: a layer comes packed too, and no larger than it may be`, async () => {
    await using fixture = await make();
    const { snapshotter } = fixture;
    const zeros = layerOf([['zeros', 'file', { content: Buffer.alloc(3_000_000) }]]);
    for (const [key, packed] of Object.entries({ gzip: gzipSync(zeros), zstd: zstdCompressSync(zeros) })) {
      const bound = {
        limits: { maxSize: 1_000_000, maxRatio: 500 },
        layer: { digest: key, size: packed.length },
      };
      await assert.rejects(
        snapshotter.unpack(chain(key), '', Readable.from([packed]), digestOf(zeros), bound),
        coded('layer-too-large'),
      );
      await assert.rejects(unpack(snapshotter, key, '', packed.subarray(0, -9)), coded('layer-corrupt'));
      const info = await unpack(snapshotter, key, '', packed, digestOf(zeros));
      assert.deepEqual(info, { diffId: digestOf(zeros), size: 3_000_000 });
    }
  });

  test(`${name}: an active snapshot takes writes, keeps them over a new mount, and is gone when removed`, async () => {
    await using fixture = await make();
    const { snapshotter } = fixture;
    await unpack(snapshotter, 'a', '', base);
    await snapshotter.create('c1', chain('a'));
    await assert.rejects(snapshotter.create('c1', chain('a')), coded('snapshot-exists'));
    await assert.rejects(snapshotter.create('c2', chain('nothing')), (error) => isKind(error, 'not-found'));
    const root = await snapshotter.mount('c1');
    assert.equal(await snapshotter.mount('c1'), root);
    await writeFile(join(root, 'etc/new'), '12345');
    await rm(join(root, 'etc/gone'));
    await snapshotter.unmount('c1');
    await snapshotter.unmount('c1');
    await snapshotter.mount('c1');
    assert.equal(await readFile(join(root, 'etc/new'), 'utf8'), '12345');
    assert.equal(await snapshotter.usage('c1'), 5);
    assert.deepEqual(await snapshotter.listActive(), ['c1']);
    await assert.rejects(snapshotter.removeCommitted(chain('a')), coded('snapshot-in-use'));
    await snapshotter.remove('c1');
    await snapshotter.remove('c1');
    assert.deepEqual(await snapshotter.listActive(), []);
    await snapshotter.removeCommitted(chain('a'));
    await snapshotter.removeCommitted(chain('a'));
    assert.equal(await snapshotter.isCommitted(chain('a')), false);
  });

  test(`${name}: changes tell added, modified and deleted paths with the folders above`, async () => {
    await using fixture = await make();
    const { snapshotter } = fixture;
    await unpack(snapshotter, 'a', '', base);
    await snapshotter.create('c', chain('a'));
    const root = await snapshotter.mount('c');
    assert.deepEqual(await snapshotter.changes('c'), []);
    await writeFile(join(root, 'etc/new'), '');
    await writeFile(join(root, 'etc/keep'), 'other');
    await rm(join(root, 'etc/gone'));
    await rm(join(root, 'dir'), { recursive: true });
    await mkdir(join(root, 'dir'));
    await writeFile(join(root, 'dir/fresh'), '');
    assert.deepEqual(await snapshotter.changes('c'), [
      { path: '/dir', kind: 'modified' },
      { path: '/dir/fresh', kind: 'added' },
      { path: '/dir/inner', kind: 'deleted' },
      { path: '/etc', kind: 'modified' },
      { path: '/etc/gone', kind: 'deleted' },
      { path: '/etc/keep', kind: 'modified' },
      { path: '/etc/new', kind: 'added' },
    ]);
  });

  test(`${name}: a diff is the same bytes twice, and unpacked it deletes and adds as the snapshot did`, async () => {
    await using fixture = await make();
    const { snapshotter } = fixture;
    await unpack(snapshotter, 'a', '', base);
    await snapshotter.create('c', chain('a'));
    const root = await snapshotter.mount('c');
    await rm(join(root, 'etc/gone'));
    await writeFile(join(root, 'etc/big'), Buffer.alloc(700_000, 7));
    await rm(join(root, 'dir'), { recursive: true });
    await mkdir(join(root, 'dir'));
    await writeFile(join(root, 'dir/fresh'), 'f');
    await rename(join(root, 'etc/keep'), join(root, 'kept'));
    let size = 0;
    const layer = await buffer(
      piecesOf(snapshotter.diff('c', { epoch: 1_700_000_000, onSize: (bytes) => (size = bytes) }), 100_000),
    );
    assert.equal(size, 700_000 + 1 + 'fine'.length);
    assert.equal(await snapshotter.usage('c'), size);
    assert.deepEqual(
      await buffer(piecesOf(snapshotter.diff('c', { epoch: 1_700_000_000 }), 1_000_000)),
      layer,
    );
    await unpack(snapshotter, 'b', 'a', layer, digestOf(layer));
    await snapshotter.view(chain('b'), async (view) => {
      assert.deepEqual((await readdir(view)).sort(), ['dir', 'etc', 'kept']);
      assert.deepEqual(await readdir(join(view, 'etc')), ['big']);
      assert.deepEqual(await readdir(join(view, 'dir')), ['fresh']);
      assert.deepEqual(await readFile(join(view, 'etc/big')), Buffer.alloc(700_000, 7));
      assert.equal((await lstat(join(view, 'dir/fresh'))).mtimeMs, 1_700_000_000_000);
    });
  });

  test(`${name}: a committed active snapshot is a layer that others build upon`, async () => {
    await using fixture = await make();
    const { snapshotter } = fixture;
    await snapshotter.create('c', '');
    const root = await snapshotter.mount('c');
    await writeFile(join(root, 'made'), 'made');
    await snapshotter.unmount('c');
    await snapshotter.commit('c', chain('c'));
    assert.deepEqual(await snapshotter.listActive(), []);
    assert.deepEqual(await snapshotter.listCommitted(), [{ chainId: chain('c'), parent: '', size: 4 }]);
    await unpack(
      snapshotter,
      'd',
      'c',
      layerOf([
        ['.wh.made', 'file'],
        ['more', 'file'],
      ]),
    );
    await assert.rejects(snapshotter.removeCommitted(chain('c')), coded('snapshot-in-use'));
    await snapshotter.view(chain('d'), async (view) => assert.deepEqual(await readdir(view), ['more']));
    await snapshotter.view('', async (view) => assert.deepEqual(await readdir(view), []));
  });

  test(`${name}: a chain of 60 layers shows the topmost of each file`, async () => {
    await using fixture = await make();
    const { snapshotter } = fixture;
    for (let i = 0; i < 60; i++)
      await unpack(
        snapshotter,
        `l${i}`,
        i === 0 ? '' : `l${i - 1}`,
        layerOf([
          ['who', 'file', { content: String(i) }],
          [`f${i}`, 'file'],
        ]),
      );
    await snapshotter.view(chain('l59'), async (view) => {
      assert.equal(await readFile(join(view, 'who'), 'utf8'), '59');
      assert.equal((await readdir(view)).length, 61);
    });
  });
}
