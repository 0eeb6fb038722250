import assert from 'node:assert/strict';
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { OverlaySnapshotter } from '#adapters/overlay/overlay-snapshotter.ts';
import { chain, coded, layerOf } from '../contract/snapshotter.ts';

// Layers that are right, but not as one expects them.

type Members = Parameters<typeof layerOf>[0];

/** Unpacks layers one on the other and looks at what comes of them. @param place where, for layers of very many files in memory */
async function shown(
  layers: Members[],
  look: (root: string) => Promise<void>,
  place = '/var/tmp',
): Promise<void> {
  const folder = await mkdtemp(join(place, 'berth-odd-'));
  const snapshotter = await OverlaySnapshotter.open(folder);
  try {
    for (const [at, members] of layers.entries())
      await snapshotter.unpack(
        chain(`${at}`),
        at === 0 ? '' : chain(`${at - 1}`),
        Readable.from([layerOf(members)], { objectMode: false }),
      );
    await snapshotter.view(chain(`${layers.length - 1}`), look);
  } finally {
    await snapshotter.close();
    await rm(folder, { recursive: true });
  }
}

test("a file in a set-group-ID folder has its own group, not the folder's", async () => {
  const members: Members = [
    ['d/', 'directory', { mode: 0o2775, gid: 50 }],
    ['d/f', 'file', { content: 'f', mode: 0o644 }],
    ['d/s', 'file', { content: 's', mode: 0o2755 }],
    ['d/l', 'symlink', { linkName: 'f' }],
    ['d/e/', 'directory', { mode: 0o755 }],
    ['d/e/f', 'file', { mode: 0o600 }],
    ['l', 'symlink', { linkName: 'd' }],
    ['l/g', 'file'],
  ];
  await shown([members], async (root) => {
    for (const [path, gid, mode] of [
      ['d', 50, 0o2775],
      ['d/f', 0, 0o644],
      ['d/s', 0, 0o2755],
      ['d/l', 0, 0o777],
      ['d/e', 0, 0o755],
      ['d/e/f', 0, 0o600],
      ['d/g', 0, 0o644],
    ] as const) {
      const found = await lstat(join(root, path));
      assert.deepEqual([found.gid, found.mode & 0o7777], [gid, mode], path);
    }
  });
});

test('every mode comes out as it is, whatever the mask of the process', async () => {
  const modes = [0, 0o400, 0o600, 0o644, 0o666, 0o755, 0o777, 0o1755, 0o2777, 0o4711, 0o6755, 0o7777];
  const members: Members = modes.flatMap((mode) => [
    [`f${mode}`, 'file', { mode, content: 'x' }],
    [`d${mode}/`, 'directory', { mode }],
  ]);
  await shown([members], async (root) => {
    for (const mode of modes)
      for (const name of [`f${mode}`, `d${mode}`])
        assert.equal((await lstat(join(root, name))).mode & 0o7777, mode, `${name} of ${mode.toString(8)}`);
  });
});

test('times before 1970 and far ahead are kept as far as the file system can', async () => {
  const times = [-1, -86_400 * 365, -(2 ** 31), 2 ** 31, 2 ** 33, 2 ** 40, 2 ** 62];
  const members: Members = times.flatMap((mtime, at) => [
    [`f${at}`, 'file', { mtime }],
    [`d${at}/`, 'directory', { mtime }],
    [`l${at}`, 'symlink', { mtime, linkName: 'f' }],
  ]);
  await shown([members], async (root) => {
    // The last second that ext4 knows is in the year 2446.
    const most = 15_032_385_535;
    for (const [at, mtime] of times.entries())
      for (const kind of ['f', 'd', 'l'])
        assert.equal(
          (await lstat(join(root, `${kind}${at}`))).mtimeMs / 1000,
          Math.min(mtime, most),
          `${kind} ${mtime}`,
        );
  });
});

test('a name of 255 bytes and a path of nearly 4,096 are unpacked, longer ones are refused by name', async () => {
  const deep = Array.from({ length: 15 }, () => 'd'.repeat(254)).join('/');
  const names = [
    'n'.repeat(255),
    Buffer.from('ä'.repeat(127)).toString('latin1'),
    `${deep.slice(0, 3800)}/f`,
  ];
  await shown([names.map((name, at) => [name, 'file', { content: `${at}` }])], async (root) => {
    for (const [at, name] of names.entries())
      assert.equal(await readFile(Buffer.from(`${root}/${name}`, 'latin1'), 'latin1'), `${at}`);
  });
  for (const name of ['n'.repeat(256), `${deep}/${deep}`, 'a'.repeat(4096)])
    await assert.rejects(
      shown([[[name, 'file']]], () => Promise.resolve()),
      coded('layer-corrupt'),
    );
});

test('a hard link to what only a lower layer has is refused, one to what this layer has brought again is one file', async () => {
  const lower: Members = [['f', 'file', { content: 'lower' }]];
  await assert.rejects(
    shown([lower, [['g', 'hard-link', { linkName: 'f' }]]], () => Promise.resolve()),
    coded('layer-corrupt'),
  );
  const upper: Members = [
    ['f', 'file', { content: 'upper', mode: 0o640 }],
    ['g', 'hard-link', { linkName: 'f' }],
    ['f', 'file', { content: 'again' }],
  ];
  await shown([lower, upper], async (root) => {
    assert.equal(await readFile(join(root, 'g'), 'utf8'), 'upper');
    assert.equal(await readFile(join(root, 'f'), 'utf8'), 'again');
    assert.equal((await lstat(join(root, 'g'))).mode & 0o777, 0o640);
  });
});

test('whiteouts and opaque marks count wherever in the layer they stand', async () => {
  const lower: Members = ['a', 'b', 'c', 'd'].flatMap((name) => [
    [`${name}/`, 'directory'],
    [`${name}/old`, 'file'],
    [`${name}/deep/`, 'directory'],
    [`${name}/deep/old`, 'file'],
  ]);
  const upper: Members = [
    ['a/new', 'file'],
    ['a/.wh..wh..opq', 'file'],
    ['b/.wh.old', 'file'],
    ['b/.wh.never-there', 'file'],
    ['b/old', 'file', { content: 'back' }],
    ['c/deep/.wh..wh..opq', 'file'],
    ['c/.wh.deep', 'file'],
    ['c/deep/new', 'file'],
    ['.wh.d', 'file'],
    ['d', 'file', { content: 'a file now' }],
  ];
  await shown([lower, upper], async (root) => {
    assert.deepEqual(await readdir(join(root, 'a')), ['new']);
    assert.deepEqual((await readdir(join(root, 'b'))).sort(), ['deep', 'old']);
    assert.equal(await readFile(join(root, 'b/old'), 'utf8'), 'back');
    assert.deepEqual(await readdir(join(root, 'c/deep')), ['new']);
    assert.equal(await readFile(join(root, 'd'), 'utf8'), 'a file now');
    assert.deepEqual((await readdir(root)).sort(), ['a', 'b', 'c', 'd']);
  });
});

test('a layer of 100,000 entries is unpacked', async () => {
  const members: Members = Array.from({ length: 1000 }, (_, folder) => [
    [`d${folder}/`, 'directory'] satisfies Members[number],
    [`d${folder}/f`, 'file', { content: `${folder}` }] satisfies Members[number],
    ...Array.from({ length: 98 }, (_, at): Members[number] => [
      `d${folder}/l${at}`,
      'hard-link',
      { linkName: `d${folder}/f` },
    ]),
  ]).flat();
  await shown(
    [members],
    async (root) => {
      assert.equal((await readdir(root)).length, 1000);
      assert.equal((await lstat(join(root, 'd999/l97'))).nlink, 99);
      assert.equal(await readFile(join(root, 'd999/l97'), 'utf8'), '999');
    },
    '/dev/shm',
  );
});
