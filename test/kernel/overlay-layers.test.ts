import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  truncate,
  writeFile,
  open,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { getXattr, splitDevice } from '#adapters/linux/libc.ts';
import { OverlaySnapshotter } from '#adapters/overlay/overlay-snapshotter.ts';
import { chain, coded, layerOf, unpack } from '../contract/snapshotter.ts';

interface Fixture extends AsyncDisposable {
  folder: string;
  snapshotter: OverlaySnapshotter;
}

async function make(): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-layers-'));
  const snapshotter = await OverlaySnapshotter.open(join(folder, 'store'));
  return {
    folder,
    snapshotter,
    [Symbol.asyncDispose]: async () => {
      await snapshotter.close();
      await rm(folder, { recursive: true });
    },
  };
}

type Members = Parameters<typeof layerOf>[0];

/** Unpacks members beside a folder `outside` that has to stay as it is; gives what a view of the layer shows. */
async function shown<T>(members: Members, look: (root: string, fixture: Fixture) => Promise<T>): Promise<T> {
  await using fixture = await make();
  const outside = join(fixture.folder, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'victim'), 'untouched');
  await unpack(fixture.snapshotter, 'a', '', layerOf(members));
  assert.deepEqual(await readdir(outside), ['victim']);
  assert.equal(await readFile(join(outside, 'victim'), 'utf8'), 'untouched');
  return await fixture.snapshotter.view(chain('a'), (root) => look(root, fixture));
}

async function refused(members: Members, code: string): Promise<void> {
  await using fixture = await make();
  await assert.rejects(unpack(fixture.snapshotter, 'a', '', layerOf(members)), coded(code));
  assert.deepEqual(await fixture.snapshotter.listCommitted(), []);
  assert.deepEqual(await readdir(join(fixture.folder, 'store/snapshots/temporary')), []);
  assert.deepEqual((await readdir(fixture.folder)).sort(), ['store']);
}

test('a name that leads out through .. is refused, for members and for targets of hard links', async () => {
  await refused([['../evil', 'file']], 'layer-path-escapes');
  await refused([['a/../../evil', 'file']], 'layer-path-escapes');
  await refused(
    [
      ['a', 'file'],
      ['b', 'hard-link', { linkName: '../../../etc/passwd' }],
    ],
    'layer-path-escapes',
  );
  await refused([['a/../../.wh.evil', 'file']], 'layer-path-escapes');
});

test('an absolute name counts from the root of the layer', async () => {
  await shown([['/etc/inside', 'file', { content: 'x' }]], async (root) => {
    assert.equal(await readFile(join(root, 'etc/inside'), 'utf8'), 'x');
  });
});

test('a symbolic link that points outside is kept, and what is written through it stays inside', async () => {
  const members: Members = [
    ['up', 'symlink', { linkName: '../../../../../outside' }],
    ['up/victim', 'file', { content: 'evil' }],
    ['root', 'symlink', { linkName: '/berth-nowhere' }],
    ['root/made', 'file', { content: 'made' }],
    ['a/', 'directory'],
    ['a/deep', 'symlink', { linkName: '../b/./c' }],
    ['a/deep/file', 'file', { content: 'deep' }],
  ];
  await shown(members, async (root) => {
    assert.equal(await readlink(join(root, 'up')), '../../../../../outside');
    assert.equal(await readFile(join(root, 'outside/victim'), 'utf8'), 'evil');
    assert.equal(await readFile(join(root, 'berth-nowhere/made'), 'utf8'), 'made');
    assert.equal(await readFile(join(root, 'b/c/file'), 'utf8'), 'deep');
  });
});

test('hard links through symbolic links reach files of the layer only', async () => {
  await refused(
    [
      ['up', 'symlink', { linkName: '/../../../../etc' }],
      ['stolen', 'hard-link', { linkName: 'up/passwd' }],
    ],
    'layer-corrupt',
  );
  await refused([['stolen', 'hard-link', { linkName: '/etc/passwd' }]], 'layer-corrupt');
  await shown(
    [
      ['link', 'symlink', { linkName: '/etc/passwd' }],
      ['same', 'hard-link', { linkName: 'link' }],
    ],
    async (root) => assert.equal(await readlink(join(root, 'same')), '/etc/passwd'),
  );
});

test('a folder that a later member makes a symbolic link no longer leads the way, nor do its times', async () => {
  const outside = `/../../../../outside`;
  const members: Members = [
    ['d/', 'directory', { mtime: 5 }],
    ['d/sub/', 'directory', { mtime: 6 }],
    ['d/sub/f', 'file'],
    ['d', 'symlink', { linkName: outside }],
    ['d/victim', 'file', { content: 'evil' }],
    ['d/sub/f', 'file', { content: 'again' }],
  ];
  await shown(members, async (root) => {
    assert.equal(await readlink(join(root, 'd')), outside);
    assert.equal(await readFile(join(root, 'outside/victim'), 'utf8'), 'evil');
    assert.equal(await readFile(join(root, 'outside/sub/f'), 'utf8'), 'again');
  });
});

test('a file is never written through a symbolic link of the same name', async () => {
  await shown(
    [
      ['f', 'symlink', { linkName: '/etc/hostname' }],
      ['f', 'file', { content: 'plain' }],
      ['d', 'symlink', { linkName: '/etc' }],
      ['d/', 'directory', { mode: 0o700 }],
    ],
    async (root) => {
      assert.ok((await lstat(join(root, 'f'))).isFile());
      assert.ok((await lstat(join(root, 'd'))).isDirectory());
    },
  );
});

test('circles of symbolic links, members below files, names that cannot be and a root that is no folder are refused', async () => {
  await refused(
    [
      ['a', 'symlink', { linkName: 'b' }],
      ['b', 'symlink', { linkName: 'a' }],
      ['a/f', 'file'],
    ],
    'layer-path-escapes',
  );
  await refused(
    [
      ['a', 'file'],
      ['a/f', 'file'],
    ],
    'layer-corrupt',
  );
  await refused([['./', 'symlink', { linkName: '/etc' }]], 'layer-corrupt');
  await refused([['.wh...', 'file']], 'layer-corrupt');
  await refused([['d/.wh.', 'file']], 'layer-corrupt');
  await refused([['a', 'symlink', { linkName: '' }]], 'layer-corrupt');
  await refused([['x'.repeat(300), 'file']], 'layer-corrupt');
  await refused([['a', 'symlink', { linkName: 'x'.repeat(5000) }]], 'layer-corrupt');
  await refused([[Array.from({ length: 90 }, () => 'd'.repeat(50)).join('/'), 'file']], 'layer-corrupt');
});

test('a whiteout hides what is below the layer, not what is in it', async () => {
  await using fixture = await make();
  const { snapshotter } = fixture;
  const base: Members = ['a', 'b', 'c', 'd'].flatMap((name) => [
    [`${name}/`, 'directory'],
    [`${name}/old`, 'file'],
  ]);
  await unpack(snapshotter, 'base', '', layerOf(base));
  await unpack(
    snapshotter,
    'top',
    'base',
    layerOf([
      ['.wh.a', 'file'],
      ['.wh.b', 'file'],
      ['b/', 'directory'],
      ['b/new', 'file'],
      ['c/', 'directory'],
      ['c/new', 'file'],
      ['.wh.c', 'file'],
      ['d/', 'directory'],
      ['d/.wh..wh..opq', 'file'],
      ['d/new', 'file'],
      ['.wh..wh.plnk', 'file'],
    ]),
  );
  await snapshotter.view(chain('top'), async (root) => {
    assert.deepEqual((await readdir(root)).sort(), ['b', 'c', 'd']);
    for (const name of ['b', 'c', 'd']) assert.deepEqual(await readdir(join(root, name)), ['new'], name);
  });
  await unpack(
    snapshotter,
    'cleared',
    'top',
    layerOf([
      ['.wh..wh..opq', 'file'],
      ['only', 'file'],
    ]),
  );
  await snapshotter.view(chain('cleared'), async (root) => assert.deepEqual(await readdir(root), ['only']));
});

test('attributes of overlayfs itself cannot be smuggled in; others and capabilities are kept', async () => {
  const bytes = (text: string): Uint8Array => Buffer.from(text);
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
  const xattrs = new Map([
    ['trusted.overlay.redirect', bytes('/etc')],
    ['trusted.overlay.opaque', bytes('y')],
    ['user.note', Buffer.from([0, 10, 255, 61])],
    ['security.capability', capability],
  ]);
  await shown([['f', 'file', { xattrs, mode: 0o4755, uid: 7 }]], async (root) => {
    const path = join(root, 'f');
    assert.equal(getXattr(path, 'trusted.overlay.redirect'), undefined);
    assert.equal(getXattr(path, 'trusted.overlay.opaque'), undefined);
    assert.deepEqual(getXattr(path, 'user.note'), Buffer.from([0, 10, 255, 61]));
    assert.deepEqual(getXattr(path, 'security.capability'), capability);
    assert.equal((await lstat(path)).mode & 0o7777, 0o4755);
  });
});

test('an attribute that Linux refuses is told by member and name', async () => {
  const xattrs = new Map([['security.capability', Buffer.from('no capability')]]);
  await assert.rejects(
    shown([['f', 'file', { xattrs }]], () => Promise.resolve()),
    {
      code: 'layer-corrupt',
      message: /the attribute 'security\.capability' of 'f' has a value that Linux refuses/,
    },
  );
});

test('GNU tar, in each of its formats, is unpacked as it unpacks itself', async () => {
  await using fixture = await make();
  const source = join(fixture.folder, 'source');
  await mkdir(join(source, 'deep', 'x'.repeat(120)), { recursive: true });
  await writeFile(join(source, 'deep', 'x'.repeat(120), 'y'.repeat(90)), 'long name');
  await symlink('z'.repeat(150), join(source, 'long-target'));
  await writeFile(join(source, 'żółw'), 'UTF-8');
  await writeFile(Buffer.from(`${source}/latin-\xe9`, 'latin1'), 'no UTF-8');
  const hole = await open(join(source, 'sparse'), 'w');
  for (let piece = 0; piece < 30; piece++) await hole.write('data', piece * 1_000_000);
  await truncate(join(source, 'sparse'), 40_000_000);
  await hole.close();
  execFileSync('mknod', [join(source, 'null'), 'c', '1', '3']);
  const compare = (root: string): void =>
    void execFileSync('diff', ['-r', '--no-dereference', '-x', 'null', source, root]);
  for (const [i, format] of [
    ['gnu'],
    ['posix'],
    ['gnu', '-S'],
    ['posix', '-S'],
    ['posix', '-S', '--sparse-version=0.1'],
  ].entries()) {
    const [name = '', ...options] = format;
    const tar = execFileSync('tar', ['-C', source, `--format=${name}`, ...options, '-c', '.'], {
      maxBuffer: 2 ** 27,
    });
    await fixture.snapshotter.unpack(chain(`f${i}`), '', Readable.from([tar]));
    await fixture.snapshotter.view(chain(`f${i}`), async (root) => {
      compare(root);
      assert.deepEqual(splitDevice((await lstat(join(root, 'null'))).rdev), { major: 1, minor: 3 });
      if (options.includes('-S'))
        assert.ok((await lstat(join(root, 'sparse'))).blocks * 512 < 2_000_000, format.join());
    });
  }
});
