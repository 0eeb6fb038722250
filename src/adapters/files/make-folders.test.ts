import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolders } from './make-folders.ts';

test('folders are made with those above them, and what stands in the way is told', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'berth-folders-'));
  t.after(() => rm(root, { recursive: true }));
  assert.equal(await makeFolders(join(root, 'a/b/c')), join(root, 'a'));
  assert.ok((await stat(join(root, 'a/b/c'))).isDirectory());
  assert.equal(await makeFolders(join(root, 'a/b/c')), undefined);
  const many = Array.from({ length: 8 }, (_, i) => makeFolders(join(root, 'x/y', String(i))));
  await Promise.all(many);
  await writeFile(join(root, 'file'), '');
  await assert.rejects(makeFolders(join(root, 'file/below')), { code: 'ENOTDIR' });
  await symlink(join(root, 'nothing'), join(root, 'dangling'));
  await assert.rejects(makeFolders(join(root, 'dangling')), { code: 'EEXIST' });
});

test('where no folder can be made it ends all the same', async () => {
  await assert.rejects(makeFolders('/proc/none/below'), { code: 'ENOENT' });
});
