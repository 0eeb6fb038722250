import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdtempSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';
import { parseModeChange } from '#domain/build/mode.ts';
import type { TarEntry, TarType } from '#domain/archive/tar-entry.ts';
import { DiskFileTrees } from '#adapters/trees/disk-file-trees.ts';

type Member = [name: string, type: TarType, more?: Partial<TarEntry>, content?: string];

function scratch(): Disposable & { trees: DiskFileTrees; target: (name: string) => string } {
  const path = mkdtempSync(join(tmpdir(), 'berth-received-'));
  return {
    trees: new DiskFileTrees(join(path, 'private')),
    target(name) {
      mkdirSync(join(path, name));
      return join(path, name);
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

function tarOf(members: Member[]): Buffer {
  const blocks = members.flatMap(([name, type, more = {}, content = '']) => {
    const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
    body.write(content);
    return [
      encodeHeader(tarEntry(name, type, { mode: 0o644, mtime: 1000, size: content.length, ...more })),
      body,
    ];
  });
  return Buffer.concat([...blocks, tarEnd]);
}

/** In pieces that are no multiple of a block. */
function piecesOf(tar: Buffer): Readable {
  const size = 70_001;
  const count = Math.ceil(tar.length / size);
  return Readable.from(Array.from({ length: count }, (_, at) => tar.subarray(at * size, (at + 1) * size)));
}

const folder = { mode: 0o755 };
const few: Member[] = [
  ['./', 'directory', { mode: 0o750 }],
  ['Dockerfile', 'file', {}, 'FROM scratch\n'],
  ['sub/', 'directory', { mode: 0o2775, uid: 3 }],
  ['sub/run', 'file', { mode: 0o4755, uid: 7, gid: 8, mtime: 1234.5 }, 'run\n'],
  ['sub/empty', 'file', {}],
  ['sub/link', 'symlink', { linkName: '../Dockerfile' }],
  ['implied/deep/file', 'file', {}, 'x'.repeat(513)],
  ['n\u00c3\u00a4me', 'file', {}, 'not ASCII'],
];
const many: Member[] = [
  ...few,
  ...Array.from({ length: 20 }, (_, at): Member => [`part${at}/`, 'directory', folder]),
  ...Array.from({ length: 400 }, (_, at): Member => [
    `part${at % 20}/${at}`,
    'file',
    { mode: 0o640 },
    `${at}\n`.repeat(at === 7 ? 300_000 : 1500),
  ]),
];

/** Everything that can be seen of a tree. */
function seen(root: string, below = ''): string[] {
  return readdirSync(join(root, below)).flatMap((name) => {
    const path = join(below, name);
    const { mode, uid, gid, mtimeMs, nlink } = lstatSync(join(root, path));
    const line = [path, mode, uid, gid].join(' ');
    if ((mode & 0o170000) === 0o040000) return [line, ...seen(root, path)];
    const link = (mode & 0o170000) === 0o120000;
    const content = link ? readlinkSync(join(root, path)) : readFileSync(join(root, path)).toString('base64');
    return [`${line} ${mtimeMs} ${nlink} ${content}`];
  });
}

for (const [what, members] of [
  ['few files', few],
  ['many files', many],
] as const)
  test(`an archive of ${what} tells, digests and copies as its unpacked files do`, async () => {
    using dir = scratch();
    const { trees } = dir;
    const root = await trees.createFolder('context');
    await trees.receive(piecesOf(tarOf(members)), root);
    assert.deepEqual(readdirSync(root), [], 'nothing is unpacked yet');
    const filter = {
      keeps: (path: string) => path !== 'part3' && !path.startsWith('implied'),
      leavesOut: (path: string) => path === 'sub/empty',
      prunes: false,
    };
    const owner = { uid: 5, gid: 6 };
    const paths = ['/', 'sub', 'sub/run', 'Dockerfile', 'implied/deep', 'näme', 'missing', 'Dockerfile/x'];
    const look = async (name: string): Promise<unknown> => {
      const [plain, ruled] = [dir.target(`${name}-plain`), dir.target(`${name}-ruled`)];
      writeFileSync(join(ruled, 'Dockerfile'), 'replaced');
      await trees.copy({ root, path: '/' }, { root: plain, path: '/' }, {});
      await trees.copy(
        { root, path: '/' },
        { root: ruled, path: '/' },
        { ...filter, owner, mode: parseModeChange('u+x,go-r') },
      );
      await trees.copy({ root, path: 'sub/run' }, { root: ruled, path: '/new/name' }, { owner });
      return {
        stat: await Promise.all(paths.map(async (path) => (await trees.stat({ root, path }))?.kind)),
        text: await Promise.all(paths.map((path) => trees.readText({ root, path }))),
        list: [await trees.list(root, {}), await trees.list(root, filter)],
        digest: await Promise.all(
          [{ owners: true }, { owners: false, ...filter }].flatMap((options) =>
            paths.slice(0, 6).map((path) => trees.digest({ root, path }, options)),
          ),
        ),
        copies: [seen(plain), seen(ruled)],
      };
    };
    const archived = await look('archived');
    assert.deepEqual(readdirSync(root), [], 'nothing had to be unpacked');
    await trees.settle(root);
    assert.equal(readFileSync(join(root, 'sub/run'), 'utf8'), 'run\n');
    assert.deepEqual(archived, await look('unpacked'));
  });

test('a file may not take the place of a folder, also from an archive', async () => {
  using dir = scratch();
  const root = await dir.trees.createFolder('context');
  await dir.trees.receive(piecesOf(tarOf(many)), root);
  const target = dir.target('target');
  mkdirSync(join(target, 'part1/1'), { recursive: true });
  const copy = dir.trees.copy({ root, path: '/' }, { root: target, path: '/' }, {});
  await assert.rejects(copy, { code: 'copy-onto-folder' });
});

test('a path through a link is followed inside the archive', async () => {
  using dir = scratch();
  const root = await dir.trees.createFolder('context');
  await dir.trees.receive(piecesOf(tarOf([...few, ['up', 'symlink', { linkName: 'sub' }]])), root);
  assert.equal(await dir.trees.readText({ root, path: 'up/link' }), 'FROM scratch\n');
  assert.equal(await dir.trees.readText({ root, path: '../up/run' }), 'run\n');
});

for (const [what, members] of Object.entries<Member[]>({
  'a hard link': [
    ['a', 'file', {}, 'x'],
    ['b', 'hard-link', { linkName: 'a' }],
  ],
  'a name that comes twice': [
    ['a', 'file', {}, 'x'],
    ['a', 'file', {}, 'y'],
  ],
  'a link as a folder': [
    ['d/', 'directory', folder],
    ['l', 'symlink', { linkName: 'd' }],
    ['l/a', 'file', {}, 'x'],
  ],
  'a pipe': [['a', 'fifo']],
}))
  test(`an archive with ${what} is unpacked at once, and not kept`, async () => {
    using dir = scratch();
    const root = await dir.trees.createFolder('context');
    await dir.trees.receive(piecesOf(tarOf(members)), root);
    assert.notEqual(readdirSync(root).length, 0);
    assert.deepEqual(await dir.trees.listFolders(), ['context']);
  });

test('an archive goes with its folder, also when it is damaged or led out of it', async () => {
  using dir = scratch();
  const good = tarOf(many);
  const bad = {
    context: good,
    cut: good.subarray(0, 1_500_000),
    small: good.subarray(0, 700),
    out: tarOf([['../x', 'file']]),
  };
  for (const [id, tar] of Object.entries(bad)) {
    const root = await dir.trees.createFolder(id);
    const received = dir.trees.receive(piecesOf(tar), root);
    if (id === 'context') await received;
    else await assert.rejects(received, { kind: 'invalid' });
    await dir.trees.removeFolder(id);
  }
  assert.deepEqual(await dir.trees.listFolders(), []);
});

test('what is received stops with its signal', async () => {
  using dir = scratch();
  const root = await dir.trees.createFolder('context');
  const abort = new AbortController();
  async function* endless(): AsyncGenerator<Buffer> {
    yield* piecesOf(tarOf(many));
    abort.abort(new Error('enough'));
    for (;;) yield Buffer.alloc(1024);
  }
  const received = dir.trees.receive(Readable.from(endless()), root, { signal: abort.signal });
  await assert.rejects(received, /enough/);
});
