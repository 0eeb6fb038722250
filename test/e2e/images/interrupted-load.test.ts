import assert from 'node:assert/strict';
import { readdir, readFile, rm, watch, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { layerOf } from '../../contract/snapshotter.ts';
import { startDaemon, TestDaemon } from '../../support/daemon.ts';
import { configOf } from '../../support/image-archives.ts';
import { noise } from '../../support/noise.ts';
import { smallDisk } from '../../support/small-disk.ts';

const mib = 1024 ** 2;
const contentOf = (layer: number, file: number): Buffer => noise(20_000, layer * 100 + (file % 100));

/** Three layers of 8 MB in 400 files each. */
const plain = [1, 2, 3].map((layer) =>
  layerOf(
    Array.from({ length: 400 }, (_, file) => [
      `l${layer}-${file}`,
      'file' as const,
      { content: contentOf(layer, file) },
    ]),
  ),
);

function archiveOf(layers: Buffer[]): Buffer {
  const config = JSON.stringify(configOf(layers));
  const names = layers.map((_, at) => `${at}/layer.tar`);
  const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: ['app:1'], Layers: names }]);
  return layerOf([
    ...layers.map((layer, at): [string, 'file', { content: Buffer }] => [
      names[at] ?? '',
      'file',
      { content: gzipSync(layer, { level: 1 }) },
    ]),
    ['config.json', 'file', { content: config }],
    ['manifest.json', 'file', { content: manifest }],
  ]);
}

const archive = archiveOf(plain);

/** What the store holds of images, by folder. */
async function held({ root }: TestDaemon): Promise<Record<string, number>> {
  const folders = ['snapshots/temporary', 'snapshots/committed', 'blobs/incoming', 'blobs/sha256'];
  const counts = await Promise.all(folders.map((folder) => readdir(join(root, folder))));
  return Object.fromEntries(folders.map((folder, at) => [folder, counts[at]?.length ?? 0]));
}

const nothing = {
  'snapshots/temporary': 0,
  'snapshots/committed': 0,
  'blobs/incoming': 0,
  'blobs/sha256': 0,
};

async function loadsWhole(daemon: TestDaemon): Promise<void> {
  assert.match(await daemon.ok('load', { input: archive }), /Loaded image: app:1/);
  const committed = join(daemon.root, 'snapshots/committed');
  assert.equal((await readdir(committed)).length, plain.length);
  for (const chain of await readdir(committed)) {
    const names = await readdir(join(committed, chain, 'fs'));
    assert.equal(names.length, 400);
    for (const name of names) {
      const [, layer, file] = /^l(\d)-(\d+)$/.exec(name) ?? [];
      const content = await readFile(join(committed, chain, 'fs', name));
      assert.ok(content.equals(contentOf(Number(layer), Number(file))), name);
    }
  }
}

/** Resolves when something is made in a folder. */
async function untilUsed(folder: string): Promise<void> {
  for await (const { filename } of watch(folder)) if (filename !== null) return;
}

test('kill -9 in the middle of unpacking leaves nothing of the image, and it loads the next time', async () => {
  await using daemon = await startDaemon();
  const unpacking = untilUsed(join(daemon.root, 'snapshots/temporary'));
  const loading = daemon.docker('load', { input: archive });
  await unpacking;
  await daemon.kill9();
  assert.notEqual((await loading).code, 0);
  const left = await held(daemon);
  assert.ok((left['snapshots/temporary'] ?? 0) > 0, 'it was killed too late');
  await daemon.start();
  assert.equal(await daemon.ok('images', '-aq'), '');
  assert.deepEqual(await held(daemon), nothing);
  await loadsWhole(daemon);
});

test('a disk that is full in the middle of unpacking is named, nothing of the image stays, and with room it loads', async (t) => {
  const folder = await smallDisk(t, 96 * mib);
  await using daemon = new TestDaemon(folder, {});
  await daemon.start();
  // Room for the packed layers, and for some of the files.
  await writeFile(join(folder, 'filler'), Buffer.alloc(48 * mib));
  const { code, stderr, stdout } = await daemon.docker('load', { input: archive });
  assert.notEqual(code, 0);
  assert.match(`${stderr}${stdout}`, /no space left on device: .*; free some \(docker system prune\)/);
  assert.equal(await daemon.ok('images', '-aq'), '');
  assert.deepEqual(await held(daemon), nothing);
  await rm(join(folder, 'filler'));
  await loadsWhole(daemon);
});

test('layers that are there already are not unpacked again', async () => {
  await using daemon = await startDaemon();
  await loadsWhole(daemon);
  const more = layerOf([['more', 'file', { content: 'more' }]]);
  const unpacked: string[] = [];
  const stop = new AbortController();
  const watching = (async () => {
    for await (const { filename } of watch(join(daemon.root, 'snapshots/temporary'), { signal: stop.signal }))
      unpacked.push(String(filename));
  })().catch(() => undefined);
  await daemon.ok('load', { input: archiveOf([...plain, more]) });
  stop.abort();
  await watching;
  assert.equal(new Set(unpacked).size, 1);
  const chains = await readdir(join(daemon.root, 'snapshots/committed'));
  assert.equal(chains.length, plain.length + 1);
});
