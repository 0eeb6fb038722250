import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { run } from './docker.ts';

/** A folder on a small ext4 of its own, until the test has ended. */
export async function smallDisk(t: TestContext, bytes: number): Promise<string> {
  const folder = await mkdtemp('/var/tmp/b-');
  const [file, disk] = [join(folder, 'disk.ext4'), join(folder, 'd')];
  await writeFile(file, '');
  await truncate(file, bytes);
  await mkdir(disk);
  const done = async (program: string, ...words: string[]): Promise<void> => {
    const { code, stderr } = await run(program, words);
    assert.equal(code, 0, stderr);
  };
  await done('mkfs.ext4', '-q', '-F', '-m', '0', file);
  await done('mount', '-o', 'loop', file, disk);
  t.after(async () => {
    await done('umount', disk);
    await rm(folder, { recursive: true });
  });
  const root = join(disk, 'd');
  await mkdir(root);
  await chmod(root, 0o755);
  return root;
}
