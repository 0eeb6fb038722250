import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chown, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

describe("a container's files", () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  it('show what it changed', async () => {
    await daemon.ok(
      'run',
      '--name',
      'changed',
      'busybox',
      'sh',
      '-c',
      'echo x > /new; rm /bin/zcat; mkdir /dir',
    );
    const lines = (await daemon.ok('diff', 'changed')).split('\n').sort();
    assert.deepEqual(lines, ['A /dir', 'A /new', 'C /bin', 'D /bin/zcat']);
  });

  it('come out whole by export', async () => {
    const file = join(daemon.folder, 'export.tar');
    await daemon.ok('export', '-o', file, 'changed');
    assert.ok((await readFile(file)).includes('new\0'), 'the new file is in the archive');
  });

  it('are copied in and out, whether it runs or not', async () => {
    const from = join(daemon.folder, 'from');
    await mkdir(join(from, 'below'), { recursive: true });
    await writeFile(join(from, 'below', 'file'), 'content');
    await daemon.ok('create', '--name', 'idle', 'busybox', 'true');
    await daemon.ok(
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      'runs',
      '-v',
      'data:/data',
      'busybox',
      'sleep',
      '600',
    );
    for (const name of ['idle', 'runs']) {
      await daemon.ok('cp', from, `${name}:/tmp`);
      const to = join(daemon.folder, `to-${name}`);
      await daemon.ok('cp', `${name}:/tmp/from/below`, to);
      assert.equal(await readFile(join(to, 'file'), 'utf8'), 'content');
    }
    await daemon.ok('cp', join(from, 'below', 'file'), 'runs:/data/kept');
    assert.equal(await daemon.ok('exec', 'runs', 'cat', '/data/kept'), 'content');
    const missing = await daemon.docker('cp', 'idle:/nosuch', daemon.folder);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /Could not find the file \/nosuch/);
    const nowhere = await daemon.docker('cp', join(from, 'below', 'file'), 'idle:/nodir/file');
    assert.match(nowhere.stderr, /Could not find the file \/nodir in container idle\n/);
  });

  it('keep their owners, unless the container has a user of its own', async () => {
    const file = join(daemon.folder, 'owned');
    await writeFile(file, 'x');
    await chown(file, 1234, 1234);
    for (const [name, user, owner] of [
      ['nobody', '', '1234'],
      ['somebody', '77:78', '77'],
    ] as const) {
      await daemon.ok('create', '--name', name, '--user', user, 'busybox', 'stat', '-c', '%u', '/tmp/owned');
      await daemon.ok('cp', '--archive', file, `${name}:/tmp/owned`);
      assert.equal(await daemon.ok('start', '-a', name), owner);
      await daemon.ok('rm', name);
    }
  });

  it('never reach the host by a symbolic link', async () => {
    const outside = join(daemon.folder, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'of the host');
    const links = join(daemon.folder, 'links');
    await mkdir(links);
    await symlink(outside, join(links, 'away'));
    await daemon.ok('cp', `${links}/.`, 'runs:/tmp');
    await writeFile(join(daemon.folder, 'pwned'), 'x');
    await daemon.docker('cp', join(daemon.folder, 'pwned'), 'runs:/tmp/away/pwned');
    assert.equal(existsSync(join(outside, 'pwned')), false);
    assert.equal((await daemon.docker('cp', 'runs:/tmp/away/secret', join(daemon.folder, 'stolen'))).code, 1);
    assert.equal(existsSync(join(daemon.folder, 'stolen')), false);
  });

  it('are not written where they are read-only', async () => {
    await daemon.ok('create', '--name', 'sealed', '--read-only', 'busybox', 'true');
    const { code, stderr } = await daemon.docker('cp', join(daemon.folder, 'pwned'), 'sealed:/tmp/x');
    assert.equal(code, 1);
    assert.match(stderr, /read-only/);
  });
});
