import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { isKind } from '#base/errors.ts';
import { LocalProjectFiles } from './project-files.ts';

async function folder(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'berth-project-'));
  t.after(() => rm(made, { recursive: true }));
  return made;
}

test('a file that does not exist has no text; a folder is no text', async (t) => {
  const root = await folder(t);
  const files = new LocalProjectFiles();
  assert.equal(await files.readText(join(root, 'none')), undefined);
  await writeFile(join(root, 'a'), 'text');
  assert.equal(await files.readText(join(root, 'a')), 'text');
  await assert.rejects(files.readText(root), (error) => isKind(error, 'invalid'));
});

test('what has no end is not read on and on', async (t) => {
  const root = await folder(t);
  const files = new LocalProjectFiles();
  const pipe = join(root, 'pipe');
  execFileSync('mkfifo', [pipe]);
  assert.equal(await files.readText(pipe), '');
  assert.equal(await files.readText('/dev/null'), '');
  await assert.rejects(files.readText('/dev/zero'), /it has more than the 4194304 bytes/);
});

test('the fingerprint changes with every kind of change and only then', async (t) => {
  const root = await folder(t);
  const files = new LocalProjectFiles();
  await mkdir(join(root, 'sub'));
  await writeFile(join(root, 'sub', 'a'), 'one');
  const seen = [await files.fingerprint(root)];
  assert.equal(await files.fingerprint(root), seen[0]);
  await utimes(join(root, 'sub', 'a'), 1, 1);
  assert.equal(await files.fingerprint(root), seen[0], 'touched only');
  const { mtime } = await stat(join(root, 'sub', 'a'));
  await writeFile(join(root, 'sub', 'a'), 'two');
  await utimes(join(root, 'sub', 'a'), mtime, mtime);
  seen.push(await files.fingerprint(root));
  await symlink('a', join(root, 'sub', 'link'));
  seen.push(await files.fingerprint(root));
  await rm(join(root, 'sub', 'link'));
  await symlink('b', join(root, 'sub', 'link'));
  seen.push(await files.fingerprint(root));
  await writeFile(join(root, 'sub', 'b'), '');
  seen.push(await files.fingerprint(root));
  await rm(join(root, 'sub', 'a'));
  seen.push(await files.fingerprint(root));
  assert.equal(new Set(seen).size, 6);
  await assert.rejects(files.fingerprint(join(root, 'none')), (error) => isKind(error, 'not-found'));
});
