import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { unlessAborted } from '#base/abort.ts';
import { tarMembers } from '#domain/archive/tar-members.ts';
import { LocalWorkingTree } from './local-working-tree.ts';

const tree = new LocalWorkingTree();

async function folder(t: TestContext): Promise<string> {
  const made = await realpath(await mkdtemp(join(tmpdir(), 'berth-tree-')));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** Watches `root`; `until` waits until all of the paths (below it) have been told of since it was last asked. */
async function watched(t: TestContext, root: string, isIgnored: (path: string) => boolean = () => false) {
  let seen = new Map<string, boolean>();
  let told = Promise.withResolvers<void>();
  const leadsTo = (path: string): boolean =>
    root === path || root.startsWith(`${path}/`) || (path.startsWith(`${root}/`) && !isIgnored(path));
  const problems: string[] = [];
  const watch = await tree.watch([root], leadsTo, {
    changed: (path, replaced) => {
      seen.set(path, replaced || seen.get(path) === true);
      told.resolve();
    },
    problem: (message) => problems.push(message),
  });
  t.after(() => watch.close());
  t.after(() => assert.deepEqual(problems, []));
  const until = async (...names: string[]): Promise<Map<string, boolean>> => {
    const signal = AbortSignal.timeout(10_000);
    while (!names.every((name) => seen.has(join(root, name)))) {
      await unlessAborted(told.promise, signal);
      told = Promise.withResolvers();
    }
    const found = seen;
    seen = new Map();
    return found;
  };
  return until;
}

test('changes are told in folders of before, in new ones, and after they were renamed', async (t) => {
  const root = await folder(t);
  await mkdir(join(root, 'old'));
  const until = await watched(t, root);
  await writeFile(join(root, 'old/a'), '1');
  await until('old/a');
  await mkdir(join(root, 'n/e/w'), { recursive: true });
  await writeFile(join(root, 'n/e/w/a'), '1');
  await until('n', 'n/e', 'n/e/w', 'n/e/w/a');
  await rename(join(root, 'n'), join(root, 'm'));
  const renamed = await until('n', 'm', 'm/e/w/a');
  assert.equal(renamed.get(join(root, 'n')), true, 'a folder has gone');
  await writeFile(join(root, 'm/e/w/a'), '2');
  await until('m/e/w/a');
  await rm(join(root, 'm'), { recursive: true });
  const gone = await until('m');
  assert.equal(gone.get(join(root, 'm')), true);
});

test("an editor's save by a new file of the same name is told, and what follows it", async (t) => {
  const root = await folder(t);
  await writeFile(join(root, 'a'), '1');
  const until = await watched(t, root);
  for (const text of ['2', '3']) {
    await writeFile(join(root, '.draft'), text);
    await rename(join(root, '.draft'), join(root, 'a'));
    await until('a');
  }
  await writeFile(join(root, 'a'), '4');
  await until('a');
});

test('a folder that is replaced by another of its name is told as gone, with what the new one holds', async (t) => {
  const root = await folder(t);
  await mkdir(join(root, 'dist'));
  await writeFile(join(root, 'dist/old'), '');
  const until = await watched(t, root);
  await mkdir(join(root, 'next'));
  await writeFile(join(root, 'next/new'), '');
  await until('next/new');
  await rename(join(root, 'dist'), join(root, 'former'));
  await rename(join(root, 'next'), join(root, 'dist'));
  const found = await until('dist', 'dist/new');
  assert.equal(found.get(join(root, 'dist')), true);
});

test('the watched path itself may come, go and come again', async (t) => {
  const root = join(await folder(t), 'deep/src');
  const until = await watched(t, root);
  for (const round of ['1', '2']) {
    await mkdir(root, { recursive: true });
    await writeFile(join(root, 'a'), round);
    await until('', 'a');
    await rm(root, { recursive: true });
    await until('');
  }
});

test('links are not followed, and what is ignored is not watched', async (t) => {
  const root = await folder(t);
  const outside = await folder(t);
  await symlink(outside, join(root, 'link'));
  await mkdir(join(root, 'ignored'));
  const until = await watched(t, root, (path) => path.endsWith('/ignored'));
  await writeFile(join(outside, 'a'), '1');
  await writeFile(join(root, 'ignored/a'), '1');
  await writeFile(join(root, 'last'), '1');
  assert.deepEqual([...(await until('last')).keys()], [join(root, 'last')]);
  const listed: string[] = [];
  for await (const path of tree.list(root, (one) => !one.endsWith('/ignored'))) listed.push(path);
  assert.deepEqual(listed, [root, join(root, 'last'), join(root, 'link')]);
});

test('an archive has the files as they are; what cannot be read is told and left out', async (t) => {
  const root = await folder(t);
  const big = Buffer.alloc(2.5 * 1024 * 1024, 'x');
  await writeFile(join(root, 'ä.txt'), 'text', { mode: 0o751 });
  await writeFile(join(root, 'big'), big);
  await symlink('../away', join(root, 'link'));
  execFileSync('mkfifo', [join(root, 'pipe')]);
  const names = ['', 'ä.txt', 'big', 'link', 'pipe', 'gone'];
  const packed: string[] = [];
  const problems: string[] = [];
  const archive = tree.pack(
    [
      ...names.map((name) => ({ path: join(root, name), name: `app/${name}`, isFrame: name === '' })),
      { path: '/proc/self/mem', name: 'app/mem', isFrame: false },
    ],
    {
      packed: (path) => packed.push(path),
      problem: (path, message) => problems.push(`${path}: ${message}`),
    },
  );
  const found: [string, string, number, string][] = [];
  for await (const { entry, body } of tarMembers(archive)) {
    const content = await buffer(Readable.from(body));
    const name = Buffer.from(entry.name, 'latin1').toString();
    found.push([
      name,
      entry.type,
      content.length,
      entry.type === 'symlink' ? entry.linkName : content.subarray(0, 4).toString(),
    ]);
  }
  assert.deepEqual(found, [
    ['app/ä.txt', 'file', 4, 'text'],
    ['app/big', 'file', big.length, 'xxxx'],
    ['app/link', 'symlink', 0, '../away'],
  ]);
  assert.deepEqual(
    packed,
    ['ä.txt', 'big', 'link'].map((name) => join(root, name)),
  );
  assert.equal(problems.length, 2, problems.join('\n'));
  assert.match(problems.join('\n'), /pipe: it is a pipe.*\n\/proc\/self\/mem: /);
});

test('paths that are not there are found, and links on the way to what is there resolved', async (t) => {
  const root = await folder(t);
  await mkdir(join(root, 'real'));
  await symlink('real', join(root, 'link'));
  assert.equal(await tree.resolved(join(root, 'link/none/x')), join(root, 'real/none/x'));
  await writeFile(join(root, 'a'), '');
  await symlink('nowhere', join(root, 'dangling'));
  const paths = ['a', 'dangling', 'b', 'a/c'].map((name) => join(root, name));
  assert.deepEqual([...(await tree.missing(paths))], paths.slice(2));
  await unlink(join(root, 'a'));
  assert.equal((await tree.missing(paths)).size, 3);
});
