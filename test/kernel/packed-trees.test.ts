import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { getXattr, unmountIfMounted } from '#adapters/linux/libc.ts';
import { mountOverlay } from '#adapters/linux/overlay.ts';
import { DiskFileTrees } from '#adapters/trees/disk-file-trees.ts';
import { parseModeChange } from '#domain/build/mode.ts';
import type { PackedEntry } from '#ports/packed-files.ts';

interface Scratch extends Disposable {
  path: string;
  trees: DiskFileTrees;
  /** Held in a folder of this name. */
  held: (id: string) => Promise<string>;
  target: (name: string) => string;
  released: string[];
}

const facts = { mode: 0o644, uid: 1, gid: 2, mtime: 1000.5, size: 0, linkName: '', offset: 0, content: '' };

function entry(path: string, kind: PackedEntry['kind'], more: Partial<PackedEntry> = {}): PackedEntry {
  return { ...facts, path, kind, ...more };
}

/** Files with everything that a client may send, and some hundred more, which workers write. */
function packed(pack: string): PackedEntry[] {
  const parts: string[] = [];
  let end = 0;
  const file = (path: string, text: string, more: Partial<PackedEntry> = {}): PackedEntry => {
    const content = createHash('sha256').update(text).digest('hex');
    const made = entry(path, 'file', { offset: end, size: text.length, content, ...more });
    parts.push(text);
    end += text.length;
    return made;
  };
  const one = file('d/one', 'linked', { mode: 0o4750 });
  const many = Array.from({ length: 200 }, (_, at) =>
    file(`many/${at}`, `${at}`.repeat(at === 9 ? 900_000 : 9), {
      mode: at % 2 === 0 ? 0o644 : 0o666,
      uid: 0,
      gid: 0,
    }),
  );
  const entries = [
    entry('d', 'directory', { mode: 0o2775 }),
    one,
    { ...one, path: 'd/two', sameAs: 'd/one' },
    entry('link', 'symlink', { linkName: 'd/one' }),
    entry('many', 'directory', { mode: 0o711, uid: 0, gid: 0 }),
    ...many,
    entry('null', 'device', { mode: 0o666, node: { type: 'character', number: 0x103 } }),
    entry('pipe', 'device', { mode: 0o600, node: { type: 'fifo', number: 0 } }),
    file('set', 'capable', { xattrs: new Map([['user.note', Buffer.from('x')]]) }),
    { ...one, path: 'three', sameAs: 'd/one' },
  ];
  writeFileSync(pack, parts.join(''));
  return entries;
}

function scratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), 'berth-packed-'));
  const trees = new DiskFileTrees(join(path, 'private'));
  const released: string[] = [];
  return {
    ...{ path, trees, released },
    held: async (id) => {
      const pack = join(path, `${id}.pack`);
      const root = await trees.createFolder(id);
      const release = (): Promise<void> => Promise.resolve(void released.push(id));
      await trees.hold(root, { pack, entries: packed(pack), release });
      return root;
    },
    target: (name) => {
      mkdirSync(join(path, name));
      return join(path, name);
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Everything that can be seen of a tree. */
function seen(root: string, below = ''): string[] {
  return readdirSync(join(root, below)).flatMap((name) => {
    const path = join(below, name);
    const stats = lstatSync(join(root, path));
    const { mode, uid, gid, rdev, mtimeMs, nlink } = stats;
    if (stats.isDirectory()) return [[path, mode, uid, gid].join(' '), ...seen(root, path)];
    const content = stats.isSymbolicLink()
      ? readlinkSync(join(root, path))
      : stats.isFile()
        ? `${createHash('sha256')
            .update(readFileSync(join(root, path)))
            .digest('hex')} ${String(getXattr(join(root, path), 'user.note'))}`
        : '';
    return [[path, mode, uid, gid, rdev, mtimeMs, nlink, content].join(' ')];
  });
}

const owner = { uid: 0, gid: 0 };

test('packed files tell, digest and copy as their files do, also as an archive', async () => {
  using dir = scratch();
  const { trees } = dir;
  const root = await dir.held('context');
  const look = async (name: string): Promise<unknown> => {
    const [plain, ruled, part] = [`${name}-plain`, `${name}-ruled`, `${name}-part`].map(dir.target);
    await trees.copy({ root, path: '/' }, { root: plain ?? '', path: '/' }, {});
    await trees.copy(
      { root, path: '/' },
      { root: ruled ?? '', path: '/new/' },
      { owner, mode: parseModeChange('g=o') },
    );
    await trees.copy(
      { root, path: '/' },
      { root: part ?? '', path: '/' },
      { keeps: (path) => path !== 'd/one' && path !== 'many', prunes: true, owner },
    );
    return {
      kinds: await Promise.all(
        ['pipe', 'd', 'd/two', 'none'].map(async (path) => (await trees.stat({ root, path }))?.kind),
      ),
      digests: await Promise.all(
        ['/', 'd', 'null'].map((path) => trees.digest({ root, path }, { owners: true })),
      ),
      copies: [plain, ruled, part].map((copy) => seen(copy ?? '')),
    };
  };
  const held = await look('held');
  assert.deepEqual(readdirSync(root), [], 'nothing had to be unpacked');
  const tar = trees.archive(root);
  assert.ok(tar instanceof Readable);
  const again = await trees.createFolder('again');
  await trees.receive(tar, again);
  assert.deepEqual(seen(again).map(withoutTime), seen(dir.path + '/held-plain').map(withoutTime));
  await trees.settle(root);
  assert.deepEqual(seen(root), seen(dir.path + '/held-plain'));
  const settled = await look('settled');
  assert.deepEqual(held, settled);
  assert.deepEqual(dir.released, []);
  await trees.removeFolder('context');
  assert.deepEqual(dir.released, ['context']);
});

/** A tar of whole seconds. */
function withoutTime(line: string): string {
  return line.replace('1000500', '1000000');
}

test('another attribute is another digest', async () => {
  using dir = scratch();
  const root = await dir.held('context');
  const other = await dir.trees.createFolder('other');
  const pack = join(dir.path, 'other.pack');
  const entries = packed(pack).map((each) =>
    each.xattrs === undefined ? each : { ...each, xattrs: new Map([['user.note', Buffer.from('y')]]) },
  );
  await dir.trees.hold(other, { pack, entries, release: () => Promise.resolve() });
  const digests = [root, other].map((each) => dir.trees.digest({ root: each, path: '/' }, { owners: false }));
  assert.notEqual(await digests[0], await digests[1]);
});

test('what goes into new folders of an overlay is the same there as by the overlay', async () => {
  using dir = scratch();
  const { trees } = dir;
  const root = await dir.held('context');
  const [lower = '', upper = '', work = '', merged = '', plain = ''] = [
    'lower',
    'upper',
    'work',
    'merged',
    'plain',
  ].map(dir.target);
  for (const base of [lower, plain]) {
    mkdirSync(join(base, 'there/many'), { recursive: true });
    writeFileSync(join(base, 'there/many/7'), 'replaced');
    writeFileSync(join(base, 'there/many/kept'), 'kept');
    utimesSync(join(base, 'there/many/kept'), 5, 5);
  }
  mountOverlay({ lower: [lower], upper, work, volatile: true, target: merged });
  try {
    const from = { root, path: '/' };
    for (const path of ['/there', '/new/folder']) {
      await trees.copy(from, { root: merged, path, upper }, { folderMode: 0o750 });
      await trees.copy(from, { root: plain, path }, { folderMode: 0o750 });
    }
    // Once more, over what was made by the first.
    await trees.copy({ root: plain, path: '/new' }, { root: merged, path: '/twice', upper }, {});
    await trees.copy({ root: plain, path: '/new' }, { root: merged, path: '/twice', upper }, {});
    await trees.copy({ root: plain, path: '/new' }, { root: plain, path: '/twice' }, {});
    assert.deepEqual(seen(merged), seen(plain));
    assert.ok(existsSync(join(upper, 'new/folder/many/1')));
    assert.equal(readFileSync(join(merged, 'there/many/kept'), 'utf8'), 'kept');
  } finally {
    unmountIfMounted(merged);
  }
});
