import assert from 'node:assert/strict';
import { mkdtempDisposable, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeTree } from './remove-tree.ts';

test('trees small and large go, what a link in them points to stays, and one that is gone already is fine', async () => {
  await using scratch = await mkdtempDisposable(join(tmpdir(), 'berth-remove-'));
  const kept = join(scratch.path, 'kept');
  await mkdir(kept);
  await writeFile(join(kept, 'file'), 'kept');
  for (const [name, files, size] of [
    ['empty', 0, 0],
    ['small', 3, 10],
    ['many', 200, 10],
    ['large', 1, 1_000_000],
  ] as const) {
    const folder = join(scratch.path, name, 'below');
    await mkdir(folder, { recursive: true });
    await symlink(kept, join(folder, 'link'));
    for (let n = 0; n < files; n++) await writeFile(join(folder, String(n)), Buffer.alloc(size));
    await removeTree(join(scratch.path, name));
    assert.deepEqual(await readdir(scratch.path), ['kept'], name);
  }
  assert.equal(await readFile(join(kept, 'file'), 'utf8'), 'kept');
  await removeTree(join(scratch.path, 'never there'));
});
