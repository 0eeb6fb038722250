import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { FolderVolumeStorage } from '#adapters/volumes/folder-volume-storage.ts';

function scratch(t: TestContext): string {
  const path = mkdtempSync('/var/tmp/berth-volumes-');
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** As the kernel writes it in lists of mounts. */
const escaped = (path: string): string => path.replaceAll(' ', '\\040');

const mountsAt = (path: string): number =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.split(' ')[4] === escaped(path)).length;

test('a tmpfs is mounted once, with its options, and goes with the volume', async (t) => {
  const storage = new FolderVolumeStorage(join(scratch(t), 'with a space'));
  const wanted = { type: 'tmpfs', device: 'tmpfs', options: 'size=1m,noexec,mode=700' };
  await storage.create('fast');
  await storage.mount('fast', wanted);
  await storage.mount('fast', wanted);
  const path = storage.path('fast');
  assert.equal(mountsAt(path), 1);
  const line = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`tmpfs ${escaped(path)} `));
  assert.match(line ?? '', /tmpfs \S*noexec\S*size=1024k,mode=700/);
  await storage.remove('fast');
  assert.equal(mountsAt(path), 0);
});

test('a bind of a host folder shows its files, and removing the volume keeps them', async (t) => {
  const folder = scratch(t);
  const storage = new FolderVolumeStorage(join(folder, 'volumes'));
  mkdirSync(join(folder, 'mine'));
  writeFileSync(join(folder, 'mine', 'file'), 'precious');
  await storage.create('bound');
  await storage.mount('bound', { type: 'none', device: join(folder, 'mine'), options: 'bind' });
  assert.deepEqual(readdirSync(storage.path('bound')), ['file']);
  assert.equal(await storage.usage('bound'), 8);
  await storage.remove('bound');
  assert.equal(readFileSync(join(folder, 'mine', 'file'), 'utf8'), 'precious');
});

test('a mount that cannot be made is an error that names device and options', async (t) => {
  const storage = new FolderVolumeStorage(scratch(t));
  await storage.create('bad');
  const wanted = { type: 'ext4', device: '/no/such/device', options: 'ro' };
  await assert.rejects(
    storage.mount('bad', wanted),
    /failed to mount local volume: mount \/no\/such\/device.*options: 'ro': no such file or directory$/,
  );
});

test('a removal that a crash interrupted is finished, and no other volume is touched', async (t) => {
  const folder = scratch(t);
  const storage = new FolderVolumeStorage(folder);
  await storage.create('kept');
  mkdirSync(join(folder, '.removing-gone', '_data'), { recursive: true });
  await storage.repair();
  assert.deepEqual(readdirSync(folder), ['kept']);
});
