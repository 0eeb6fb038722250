import assert from 'node:assert/strict';
import { open, readdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { layerOf } from '../contract/snapshotter.ts';
import { run } from '../support/docker.ts';
import { configOf, dockerArchive, load } from '../support/image-archives.ts';
import { imageRoom, MemoryState, type ImageRoom } from '../support/image-room.ts';
import { noise } from '../support/noise.ts';
import { cutPower } from '../support/power-cut.ts';
import { smallDisk } from '../support/small-disk.ts';

const mib = 1024 ** 2;
const contentOf = (layer: number, file: number): Buffer => noise(5000, layer * 200 + file);
const layers = [1, 2, 3].map((layer) =>
  layerOf(
    Array.from({ length: 200 }, (_, file) => [
      `l${layer}-${file}`,
      'file' as const,
      { content: contentOf(layer, file) },
    ]),
  ),
);
const archive = (): Buffer =>
  dockerArchive([
    {
      config: configOf(layers),
      tags: ['app:1'],
      layers: layers.map((layer) => gzipSync(layer, { level: 1 })),
    },
  ]);

async function mountAgain(folder: string): Promise<void> {
  const disk = join(folder, '..');
  const { stdout } = await run('findmnt', ['-n', '-o', 'SOURCE', '-T', disk]);
  const { stdout: file } = await run('losetup', ['-n', '-O', 'BACK-FILE', stdout.trim()]);
  assert.equal((await run('umount', [disk])).code, 0);
  assert.equal((await run('mount', ['-o', 'loop', file.trim(), disk])).code, 0);
}

async function writeOut(path: string): Promise<void> {
  const file = await open(path);
  await file.sync();
  await file.close();
}

/** Every file of the image, byte by byte. */
async function isWhole(root: string): Promise<void> {
  const names = await readdir(root);
  assert.equal(names.length, 600);
  for (const name of names) {
    const [, layer, file] = /^l(\d)-(\d+)$/.exec(name) ?? [];
    assert.ok((await readFile(join(root, name))).equals(contentOf(Number(layer), Number(file))), name);
  }
}

/** Into a store whose layers are not written out by themselves. */
async function loaded(t: TestContext): Promise<{ root: string; state: MemoryState; before: ImageRoom }> {
  const root = await smallDisk(t, 96 * mib);
  const state = new MemoryState();
  // Nothing is written out a second later.
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const before = await imageRoom({ root, state, boot: 'before' });
  await load(before, archive());
  return { root, state, before };
}

test('a container whose image is removed by force right behind its load has its root after a power cut', async (t) => {
  const { root, state, before } = await loaded(t);
  const { chainId } = before.images.get('app:1');
  await before.snapshots.create('c', chainId);
  before.images.usedBy(() => [{ containerId: 'c', running: false }]);
  await before.images.remove('app:1', { force: true, prune: true });
  cutPower(root);
  await mountAgain(root);
  t.mock.timers.reset();
  await using after = await imageRoom({ root, state, boot: 'after' });
  await after.restart();
  assert.deepEqual(after.images.list(), []);
  await isWhole(await after.snapshots.mount('c'));
});

test('after a power cut right behind a load every file of the image is whole', async (t) => {
  const { root, state, before } = await loaded(t);
  const { chainId } = before.images.get('app:1');
  // The kernel writes out what it likes first.
  for (const layer of await readdir(join(root, 'snapshots/committed')))
    await writeOut(join(root, 'snapshots/committed', layer, 'layer.json'));
  cutPower(root);
  await mountAgain(root);
  // Nor is it known which files a cut takes: one at least of each layer that has a name.
  for (const layer of await readdir(join(root, 'snapshots/committed'))) {
    const files = join(root, 'snapshots/committed', layer, 'fs');
    const [first] = await readdir(files);
    if (first !== undefined) await truncate(join(files, first));
  }
  t.mock.timers.reset();
  await using after = await imageRoom({ root, state, boot: 'after' });
  await after.restart();
  assert.equal(after.images.get('app:1').chainId, chainId);
  await after.snapshots.view(chainId, isWhole);
});
