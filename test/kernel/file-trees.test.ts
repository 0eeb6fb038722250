import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chownSync,
  createReadStream,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';
import type { TarEntry, TarType } from '#domain/archive/tar-entry.ts';
import { DiskFileTrees } from '#adapters/trees/disk-file-trees.ts';

function scratch(): Disposable & { path: string; trees: DiskFileTrees; root: string; source: string } {
  const path = mkdtempSync(join(tmpdir(), 'berth-trees-'));
  const root = join(path, 'root');
  const source = join(path, 'source');
  for (const folder of [root, source]) mkdirSync(folder);
  const trees = new DiskFileTrees(join(path, 'private'));
  return {
    path,
    trees,
    root,
    source,
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

function tarOf(
  ...members: [name: string, type: TarType, more?: Partial<TarEntry>, content?: string][]
): Readable {
  const blocks = members.flatMap(([name, type, more = {}, content = '']) => {
    const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
    body.write(content);
    return [encodeHeader(tarEntry(name, type, { mode: 0o644, size: content.length, ...more })), body];
  });
  return Readable.from([...blocks, tarEnd]);
}

test('a digest is of content, modes and names, not of times', async () => {
  using dir = scratch();
  const digest = (): Promise<string> => dir.trees.digest({ root: dir.source, path: '/' }, { owners: false });
  writeFileSync(join(dir.source, 'a'), 'one');
  const first = await digest();
  utimesSync(join(dir.source, 'a'), 5, 5);
  assert.equal(await digest(), first);
  chownSync(join(dir.source, 'a'), 7, 7);
  assert.equal(await digest(), first, 'owners were not asked for');
  writeFileSync(join(dir.source, 'a'), 'two');
  const second = await digest();
  assert.notEqual(second, first);
  writeFileSync(join(dir.source, 'b'), '');
  assert.notEqual(await digest(), second);
});

test('a copy gives all files the owner and mode asked for, and keeps links and times', async () => {
  using dir = scratch();
  mkdirSync(join(dir.source, 'sub'));
  writeFileSync(join(dir.source, 'sub/f'), 'x', { mode: 0o4755 });
  utimesSync(join(dir.source, 'sub/f'), 1000, 1000);
  symlinkSync('/etc/passwd', join(dir.source, 'sub/link'));
  await dir.trees.copy(
    { root: dir.source, path: '/' },
    { root: dir.root, path: '/new/place' },
    { owner: { uid: 5, gid: 6 } },
  );
  const file = statSync(join(dir.root, 'new/place/sub/f'));
  assert.deepEqual([file.uid, file.gid, file.mode & 0o7777, file.mtimeMs], [5, 6, 0o4755, 1_000_000]);
  assert.equal(lstatSync(join(dir.root, 'new/place/sub/link')).uid, 5);
  assert.equal(readlinkSync(join(dir.root, 'new/place/sub/link')), '/etc/passwd');
  assert.equal(statSync(join(dir.root, 'new')).uid, 5);
});

test('links in a root lead inside that root only', async () => {
  using dir = scratch();
  const outside = join(dir.path, 'outside');
  mkdirSync(outside);
  symlinkSync(outside, join(dir.root, 'absolute'));
  symlinkSync('../../../outside', join(dir.root, 'relative'));
  for (const link of ['absolute', 'relative', 'relative/../../..'])
    await dir.trees.writeFile({ root: dir.root, path: `/${link}/f` }, 'x', {
      owner: { uid: 0, gid: 0 },
      mode: 0o644,
    });
  assert.deepEqual(existsSync(join(outside, 'f')), false);
  assert.equal(readFileSync(join(dir.root, 'outside/f'), 'utf8'), 'x');
  assert.equal(readFileSync(join(dir.root, dir.path.slice(1), 'outside/f'), 'utf8'), 'x');
});

test('an archive never writes outside its root, by .. or by links', async () => {
  using dir = scratch();
  const outside = join(dir.path, 'outside');
  mkdirSync(outside);
  const place = { root: dir.root, path: '/' };
  await assert.rejects(dir.trees.unpack(tarOf(['../outside/f', 'file', {}, 'x']), place), {
    code: 'layer-path-escapes',
  });
  await dir.trees.unpack(tarOf(['l', 'symlink', { linkName: outside }], ['l/f', 'file', {}, 'x']), place);
  writeFileSync(join(outside, 'secret'), 's');
  const link = tarOf(['h', 'hard-link', { linkName: `l/secret` }]);
  await assert.rejects(dir.trees.unpack(link, place), { code: 'layer-corrupt' });
  assert.equal(existsSync(join(outside, 'f')), false);
  assert.equal(readFileSync(join(dir.root, outside.slice(1), 'f'), 'utf8'), 'x');
});

test('archives of each compression are known and unpacked; other files are none', async () => {
  using dir = scratch();
  writeFileSync(join(dir.source, 'f'), 'content');
  const tools = { gz: 'z', bz2: 'j', xz: 'J', zst: '-zstd', tar: '' };
  for (const [suffix, option] of Object.entries(tools)) {
    const archive = join(dir.path, `a.${suffix}`);
    if (suffix === 'zst') {
      const { zstdCompressSync } = await import('node:zlib');
      writeFileSync(archive, zstdCompressSync(readFileSync(join(dir.path, 'a.tar'))));
    } else {
      if (suffix === 'gz') execFileSync('tar', ['-cf', join(dir.path, 'a.tar'), '-C', dir.source, 'f']);
      execFileSync('tar', [`-c${option}f`, archive, '-C', dir.source, 'f']);
    }
    assert.equal(await dir.trees.isArchive({ root: dir.path, path: `a.${suffix}` }), true, suffix);
    await dir.trees.unpack(createReadStream(archive), { root: dir.root, path: `/${suffix}` });
    assert.equal(readFileSync(join(dir.root, suffix, 'f'), 'utf8'), 'content', suffix);
  }
  assert.equal(await dir.trees.isArchive({ root: dir.source, path: 'f' }), false);
  await assert.rejects(
    dir.trees.unpack(createReadStream(join(dir.path, 'a.gz'), { end: 60 }), { root: dir.root, path: '/cut' }),
    { code: 'layer-corrupt' },
  );
});

test('a folder that is left out is looked into only when something below it may be taken', async () => {
  using dir = scratch();
  mkdirSync(join(dir.source, 'out/deep'), { recursive: true });
  writeFileSync(join(dir.source, 'out/deep/f'), '');
  const asked: string[] = [];
  const keeps = (path: string): boolean => {
    asked.push(path);
    return path === 'out/deep/f';
  };
  assert.deepEqual(await dir.trees.list(dir.source, { keeps, prunes: true }), []);
  assert.deepEqual(asked, ['out']);
  assert.deepEqual(await dir.trees.list(dir.source, { keeps }), ['out/deep/f']);
  await dir.trees.copy({ root: dir.source, path: '/' }, { root: dir.root, path: '/' }, { keeps });
  assert.equal(existsSync(join(dir.root, 'out/deep/f')), true);
});
