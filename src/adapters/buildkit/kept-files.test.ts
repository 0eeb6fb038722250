import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { KeptFolders } from './kept-files.ts';

test('what is kept of contexts is told with its size and goes on demand, but not while a build uses it', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'berth-kept-'));
  t.after(() => rm(home, { recursive: true }));
  const context = join(home, 'context');
  await mkdir(context);
  await writeFile(join(context, 'file'), '12345');
  const stat = { path: 'file', mode: 0o644, uid: 0, gid: 0, size: 5, modTime: 1, linkname: '' };
  const folders = new KeptFolders(join(home, 'kept'));
  await folders.with('key', async (kept) => {
    kept?.keep(context, new Map([['file', { ...stat, devmajor: 0, devminor: 0, xattrs: {} }]]));
    assert.deepEqual(
      folders.list().map(({ size, inUse }) => [size, inUse]),
      [[5, true]],
    );
    await folders.remove(() => true);
    assert.equal(folders.list().length, 1);
  });
  assert.equal(folders.list()[0]?.inUse, false);
  await folders.remove(() => false);
  assert.equal(folders.list().length, 1);
  await folders.remove((id) => id === folders.list()[0]?.id);
  assert.deepEqual(folders.list(), []);
  assert.ok(!existsSync(join(home, 'kept', '0')));
});
