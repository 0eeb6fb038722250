import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { MNT_DETACH, unmountIfMounted } from '#adapters/linux/libc.ts';
import { OverlaySnapshotter } from '#adapters/overlay/overlay-snapshotter.ts';
import { chain, layerOf, snapshotterContract, unpack } from '../contract/snapshotter.ts';
import { noise } from '../support/noise.ts';
import { smallDisk } from '../support/small-disk.ts';

interface Fixture extends AsyncDisposable {
  root: string;
  snapshotter: OverlaySnapshotter;
}

async function make(): Promise<Fixture> {
  const root = await mkdtemp(join(tmpdir(), 'berth-overlay-'));
  const snapshotter = await OverlaySnapshotter.open(root);
  return {
    root,
    snapshotter,
    [Symbol.asyncDispose]: async () => {
      for (const key of await snapshotter.listActive()) await snapshotter.remove(key);
      await snapshotter.close();
      await rm(root, { recursive: true });
      assert.ok(!(await readFile('/proc/self/mountinfo', 'utf8')).includes(root), 'mounts are left');
    },
  };
}

snapshotterContract('overlayfs', make);

/** Has a snapshotter beside which another one is opened do nothing more by itself, as one that was killed. */
function killed(t: TestContext): void {
  t.mock.timers.enable({ apis: ['setTimeout'] });
}

test('the next start removes half-made layers and left views, and finds the mounted snapshots', async (t) => {
  killed(t);
  await using fixture = await make();
  const { root, snapshotter } = fixture;
  await unpack(snapshotter, 'a', '', layerOf([['f', 'file', { content: 'f' }]]));
  await snapshotter.create('c', chain('a'));
  const mounted = await snapshotter.mount('c');
  await mkdir(join(root, 'snapshots/temporary/half/fs/deep'), { recursive: true });
  await mkdir(join(root, 'snapshots/views/left'));
  const again = await OverlaySnapshotter.open(root);
  assert.deepEqual(await readdir(join(root, 'snapshots/temporary')), []);
  assert.deepEqual(await readdir(join(root, 'snapshots/views')), []);
  assert.deepEqual(await again.listActive(), ['c']);
  assert.equal((await again.listCommitted()).length, 1);
  assert.equal(await again.mount('c'), mounted);
  await writeFile(join(mounted, 'still'), 'writable');
  await again.close();
});

test('records that a power cut left empty keep nobody from starting: the layer is unpacked anew, the snapshot can be removed', async (t) => {
  killed(t);
  await using fixture = await make();
  const { root, snapshotter } = fixture;
  const layer = layerOf([['f', 'file', { content: 'f' }]]);
  await unpack(snapshotter, 'a', '', layer);
  await snapshotter.create('c', chain('a'));
  const committed = join(root, 'snapshots/committed', chain('a').slice('sha256:'.length));
  await writeFile(join(committed, 'layer.json'), '');
  await writeFile(join(root, 'snapshots/active/c/snapshot.json'), '');
  const again = await OverlaySnapshotter.open(root);
  assert.deepEqual([await again.listCommitted(), await again.listActive()], [[], []]);
  await again.remove('c');
  await unpack(again, 'a', '', layer);
  await again.create('c', chain('a'));
  assert.equal(await readFile(join(await again.mount('c'), 'f'), 'utf8'), 'f');
  await again.close();
});

test('a snapshot whose mount is gone, as after a reboot, mounts anew', async (t) => {
  killed(t);
  await using fixture = await make();
  const { root, snapshotter } = fixture;
  await snapshotter.create('c', '');
  const mounted = await snapshotter.mount('c');
  await writeFile(join(mounted, 'kept'), 'k');
  unmountIfMounted(mounted, MNT_DETACH);
  const again = await OverlaySnapshotter.open(root);
  assert.equal(await readFile(join(await again.mount('c'), 'kept'), 'utf8'), 'k');
  await again.close();
});

test('what is removed is gone from its place at once and from the disk soon, or after the next start', async () => {
  await using fixture = await make();
  const { root, snapshotter } = fixture;
  for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
    await snapshotter.create(key, '');
    await writeFile(join(await snapshotter.mount(key), 'big'), Buffer.alloc(1_000_000));
    await snapshotter.remove(key);
    assert.deepEqual(await readdir(join(root, 'snapshots/active')), []);
  }
  await snapshotter.settled();
  assert.deepEqual(await readdir(join(root, 'snapshots/trash')), []);
  await snapshotter.close();
  await mkdir(join(root, 'snapshots/trash/left/upper'), { recursive: true });
  await mkdir(join(root, 'snapshots/spare/left/upper'), { recursive: true });
  const again = await OverlaySnapshotter.open(root);
  assert.deepEqual(await readdir(join(root, 'snapshots/spare')), []);
  await again.settled();
  assert.deepEqual(await readdir(join(root, 'snapshots/trash')), []);
  await again.close();
});

test('where a disk has little room, who removes a layer waits until it is there', async (t) => {
  const root = await smallDisk(t, 64 * 1024 ** 2);
  const snapshotter = await OverlaySnapshotter.open(root);
  const layer = layerOf([['big', 'file', { content: noise(20_000_000) }]]);
  try {
    // Each takes a third of the disk.
    for (let turn = 0; turn < 5; turn++) {
      await unpack(snapshotter, `${turn}`, '', layer);
      await snapshotter.removeCommitted(chain(`${turn}`));
      assert.deepEqual(await readdir(join(root, 'snapshots/trash')), []);
    }
  } finally {
    await snapshotter.close();
  }
});

test('a volatile snapshot waits for no disk, and becomes a layer as any other', async () => {
  await using fixture = await make();
  const { snapshotter } = fixture;
  await snapshotter.create('c', '');
  const mounted = await snapshotter.mount('c', 'host', 'volatile');
  const line = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .find((each) => each.includes(mounted));
  assert.match(line ?? '', /[,=]volatile/);
  await writeFile(join(mounted, 'f'), 'f', { flush: true });
  await snapshotter.unmount('c');
  await snapshotter.commit('c', chain('a'));
  assert.equal(await snapshotter.view(chain('a'), (root) => readFile(join(root, 'f'), 'utf8')), 'f');
  assert.deepEqual(await snapshotter.view(chain('a'), (root) => readdir(root)), ['f']);
});

test('a snapshot that cannot be committed leaves nothing behind', async () => {
  await using fixture = await make();
  const { root, snapshotter } = fixture;
  await snapshotter.create('a', '');
  await rm(join(root, 'snapshots/active/a/upper'), { recursive: true });
  await assert.rejects(snapshotter.commit('a', chain('a')), { code: 'ENOENT' });
  assert.deepEqual(await readdir(join(root, 'snapshots/temporary')), []);
  assert.deepEqual(await snapshotter.listCommitted(), []);
});

/** Of a layer's record on the disk. */
async function isUnwritten(root: string, name: string): Promise<boolean> {
  const hex = chain(name).slice('sha256:'.length);
  return (await readFile(join(root, 'snapshots/committed', hex, 'layer.json'), 'utf8')).includes('unwritten');
}

test('a layer that was not written out is gone when the machine starts anew, one that was stays', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'berth-overlay-'));
  t.after(() => rm(root, { recursive: true }));
  const before = await OverlaySnapshotter.open(root, undefined, 'one boot');
  await unpack(before, 'a', '', layerOf([['f', 'file', { content: 'f' }]]));
  await before.close();
  assert.equal(await isUnwritten(root, 'a'), false);
  killed(t);
  const one = await OverlaySnapshotter.open(root, undefined, 'one boot');
  await unpack(one, 'b', 'a', layerOf([['g', 'file', { content: 'g' }]]));
  await one.create('c', chain('a'));
  await one.commit('c', chain('d'));
  assert.deepEqual([await isUnwritten(root, 'b'), await isUnwritten(root, 'd')], [true, true]);
  const same = await OverlaySnapshotter.open(root, undefined, 'one boot');
  assert.equal((await same.listCommitted()).length, 3);
  const another = await OverlaySnapshotter.open(root, undefined, 'another boot');
  assert.deepEqual(
    (await another.listCommitted()).map(({ chainId }) => chainId),
    [chain('a')],
  );
  await unpack(another, 'b', 'a', layerOf([['g', 'file', { content: 'g' }]]));
  assert.deepEqual(await another.view(chain('b'), (path) => readdir(path)), ['f', 'g']);
  for (const each of [one, same, another]) await each.close();
});
