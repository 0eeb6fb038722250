import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, open, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { mount, unmount } from '#adapters/linux/libc.ts';
import { systemCode } from '#base/errors.ts';
import { digestOf, serveRegistry } from '../../support/built-in-registry.ts';
import { busyboxTar } from '../../support/busybox.ts';
import { TestDaemon } from '../../support/daemon.ts';

const sizeMb = 48;

/** A folder on a small disk of its own. */
async function smallDisk(t: TestContext): Promise<string> {
  const disk = await mkdtemp('/var/tmp/b-');
  mount('tmpfs', disk, 'tmpfs', 0, `size=${sizeMb}m,mode=755`);
  t.after(() => {
    unmount(disk);
    return rmdir(disk);
  });
  const folder = join(disk, 'd');
  await mkdir(folder);
  await chmod(folder, 0o755);
  return folder;
}

/** Takes all room that is left. Gives what frees it again. */
async function fill(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'filler');
  const file = await open(path, 'w');
  const page = Buffer.alloc(4096);
  try {
    for (;;) await file.write(page);
  } catch (error) {
    assert.equal(systemCode(error), 'ENOSPC');
  } finally {
    await file.close();
  }
  return () => rm(path);
}

test('on a full disk every change is refused in words, and nothing of it stays', async (t) => {
  const folder = await smallDisk(t);
  await using daemon = new TestDaemon(folder, {});
  await daemon.start();
  await daemon.loadBusybox();
  const context = join(folder, 'context');
  await mkdir(context);
  await writeFile(join(context, 'Dockerfile'), 'FROM busybox\nRUN echo hello > /there\n');
  const state = async (): Promise<string[]> => {
    const all = [
      ['ps', '-aq'],
      ['images', '-aq'],
      ['images', '--format', '{{.Repository}}'],
      ['volume', 'ls', '-q'],
      ['network', 'ls', '-q'],
    ];
    return Promise.all(all.map((words) => daemon.ok(...words)));
  };
  const before = await state();
  const archive = await busyboxTar();
  const changes: [words: string[], input?: Buffer][] = [
    [['create', '--name', 'one', 'busybox', 'true']],
    [['volume', 'create', 'one']],
    [['network', 'create', 'one']],
    [['tag', 'busybox', 'one']],
    [['import', '-', 'two'], archive],
    [['build', '-t', 'three', context]],
  ];
  const base = await daemon.docker('pull', 'debian.berth/base:bookworm');
  assert.notEqual(base.code, 0);
  assert.match(base.stderr, /no space left on device: .*; free some/);
  assert.deepEqual(await readdir(join(daemon.root, 'bases/apt')), [], 'package lists keep the disk full');
  const free = await fill(folder);
  for (const [words, input] of changes) {
    const { code, stderr } = await daemon.docker(...words, ...(input === undefined ? [] : [{ input }]));
    assert.notEqual(code, 0, words.join(' '));
    assert.match(stderr, /no space left on device: .*; free some \(docker system prune\)/, words.join(' '));
  }
  await free();
  assert.deepEqual(await state(), before);
  await daemon.restart();
  assert.deepEqual(await state(), before);
  for (const [words, input] of changes)
    await daemon.ok(...words, ...(input === undefined ? [] : [{ input }]));
});

test('an upload to the built-in registry that fills the disk is refused, and gone on with when there is room', async (t) => {
  const folder = await smallDisk(t);
  await using daemon = new TestDaemon(folder, {});
  await daemon.start();
  const registry = await serveRegistry(daemon);
  const { headers } = await registry.call('POST', 'full/blobs/uploads/');
  const location = headers.get('location') ?? '';
  const content = 'x'.repeat(8 * 1024 * 1024);
  const empty = await fill(folder);
  const refused = await registry.call('PATCH', location, { body: content });
  assert.deepEqual([refused.status, refused.codes], [507, ['UNAVAILABLE']], refused.body.toString());
  assert.match(refused.body.toString(), /no space left on device/);
  const begun = await registry.call('POST', 'full/blobs/uploads/');
  assert.equal(begun.status, 507);
  await empty();
  const [, last = ''] =
    /^0-(\d+)$/.exec((await registry.call('GET', location)).headers.get('range') ?? '') ?? [];
  const start = last === '0' ? 0 : Number(last) + 1;
  const digest = digestOf(content);
  const put = await registry.call('PUT', `${location}?digest=${digest}`, { body: content.slice(start) });
  assert.equal(put.status, 201, put.body.toString());
  assert.equal((await registry.call('GET', `full/blobs/${digest}`)).body.length, content.length);
});
