import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { layerOf } from '../../contract/snapshotter.ts';
import { busyboxTar } from '../../support/busybox.ts';
import { startDaemon } from '../../support/daemon.ts';
import { credentials, startRegistry } from '../../support/registry.ts';

const daemon = await startDaemon();
const registry = await startRegistry('basic');
await daemon.loadBusybox();

after(async () => {
  await registry[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

/** A root file system that no other image has: the archive's end is replaced by another member. */
async function rootWith(content: string): Promise<Buffer> {
  const tar = await busyboxTar();
  return Buffer.concat([tar.subarray(0, -1024), layerOf([['srv/own', 'file', { content }]])]);
}

test('docker import makes an image that docker images, inspect and history show', async () => {
  const id = await daemon.ok(
    ...['import', '--message', 'made here', '--change', 'ENV A=1', '--change', 'CMD ["sh"]', '-', 'shown:1'],
    { input: await busyboxTar() },
  );
  assert.match(id, /^sha256:[0-9a-f]{64}$/);
  const format = '{{.Repository}} {{.Tag}} {{.ID}}';
  const listed = await daemon.ok('images', '--no-trunc', '--format', format, '--filter', 'reference=shown');
  assert.equal(listed, `shown 1 ${id}`);
  assert.equal(await daemon.ok('inspect', '--format', '{{json .Config.Env}}', 'shown:1'), '["A=1"]');
  assert.match(
    await daemon.ok('history', '--format', '{{.ID}} {{.Comment}}', 'shown:1'),
    /^[0-9a-f]{12} made here$/,
  );
  assert.equal(await daemon.ok('run', '--rm', 'shown:1', 'sh', '-c', 'echo $A'), '1');
});

test('docker save and load carry an image with its names; tag and rmi report as Docker does', async () => {
  await daemon.ok('tag', 'busybox', 'saved:1');
  const file = join(daemon.folder, 'saved.tar');
  await daemon.ok('save', '-o', file, 'saved:1');
  assert.ok((await stat(file)).size > 500_000);
  assert.equal(await daemon.ok('rmi', 'saved:1'), 'Untagged: saved:1');
  assert.match(await daemon.ok('load', '-i', file), /Loaded image: saved:1$/);
  assert.match(await daemon.ok('load', { input: await readFile(file) }), /Loaded image: saved:1$/);
  assert.equal(await daemon.ok('images', '-q', 'saved'), await daemon.ok('images', '-q', 'busybox'));
  const { code, stderr } = await daemon.docker('rmi', 'nothing:1');
  assert.equal(code, 1);
  assert.match(stderr, /No such image: nothing:1/);
  const id = await daemon.ok('images', '-q', 'saved');
  const many = await daemon.docker('rmi', id);
  assert.match(
    many.stderr,
    /conflict: unable to delete [0-9a-f]{12} \(must be forced\) - image is referenced in multiple repositories/,
  );
  await daemon.ok('rmi', 'saved:1');
});

test('what is no archive is refused with a reason', async () => {
  const { code, stderr } = await daemon.docker('load', { input: 'no archive' });
  assert.equal(code, 1);
  assert.match(stderr, /reading an image archive/);
  const cut = await daemon.docker('import', '-', 'cut:1', { input: (await busyboxTar()).subarray(0, 5000) });
  assert.equal(cut.code, 1);
  assert.equal(await daemon.ok('images', '-q', 'cut'), '');
});

test('docker login, push and pull work against a registry with a password', async () => {
  const name = `${registry.host}/team/busybox:1`;
  await daemon.ok('tag', 'busybox', name);
  const refused = await daemon.docker('push', name);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /no basic auth credentials/);
  // A client without a password must be told, not asked: its standard input may be a script's.
  const unasked = await daemon.docker('pull', name);
  assert.match(unasked.stderr, /no basic auth credentials/);
  assert.doesNotMatch(unasked.stdout, /Username/);
  const wrong = await daemon.docker('login', '-u', 'tester', '-p', 'wrong', registry.host);
  assert.equal(wrong.code, 1);
  const login = ['login', '-u', credentials.username, '-p', credentials.password, registry.host];
  assert.match(await daemon.ok(...login), /Login Succeeded/);
  const pushed = await daemon.ok('push', name);
  const digest = /1: digest: (sha256:[0-9a-f]{64}) size: \d+/.exec(pushed)?.[1];
  assert.ok(digest !== undefined, pushed);
  await daemon.ok('rmi', name);
  const pulled = await daemon.ok('pull', name);
  assert.match(pulled, new RegExp(`Digest: ${digest}\nStatus: .* for ${name}`));
  assert.equal(
    await daemon.ok('inspect', '--format', '{{index .RepoDigests 0}}', name),
    `${registry.host}/team/busybox@${digest}`,
  );
  assert.equal(
    await daemon.ok('run', '--rm', `${registry.host}/team/busybox@${digest}`, 'echo', 'ran'),
    'ran',
  );
  const again = await daemon.ok('pull', name);
  assert.doesNotMatch(again, /Already exists|Pulling fs layer/);
  assert.match(again, /Status: Image is up to date for/);
  await daemon.ok('tag', name, `${registry.host}/team/busybox`);
  await daemon.ok('push', `${registry.host}/team/busybox`);
  const all = await daemon.ok('pull', '-a', `${registry.host}/team/busybox`);
  for (const tag of ['1', 'latest'])
    assert.match(all, new RegExp(`^${tag}: Pulling from team/busybox$`, 'm'));
  await daemon.ok('rmi', `${registry.host}/team/busybox`);
  const missing = await daemon.docker('pull', `${registry.host}/team/none:1`);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /manifest for .*team\/none:1 not found: manifest unknown/);
  await daemon.ok('rmi', name);
});

test('an image in use is kept, and docker commit makes another from the container', async () => {
  await daemon.ok('import', '-', 'used:1', { input: await rootWith('used') });
  const container = await daemon.ok('run', '-d', 'used:1', 'sh', '-c', 'echo new >/made; exec sleep 1000');
  const used = await daemon.docker('rmi', 'used:1');
  assert.match(used.stderr, /unable to remove repository reference "used:1" \(must force\)/);
  const forced = await daemon.docker('rmi', '-f', await daemon.ok('images', '-q', 'used'));
  assert.match(forced.stderr, /image is being used by running container/);
  const id = await daemon.ok('commit', '-m', 'kept', '-c', 'CMD ["cat","/made"]', container, 'committed:1');
  assert.match(id, /^sha256:/);
  assert.equal(await daemon.ok('run', '--rm', 'committed:1'), 'new');
  await daemon.ok('rm', '-f', container);
  await daemon.ok('rmi', 'committed:1', 'used:1');
});

test('docker image prune takes nameless images and tells how much was freed', async () => {
  const old = await daemon.ok('import', '-', 'pruned:1', { input: await rootWith('old') });
  await daemon.ok('import', '-', 'pruned:1', { input: await rootWith('new') });
  assert.match(await daemon.ok('images', '--no-trunc', '-q', '--filter', 'dangling=true'), new RegExp(old));
  const pruned = await daemon.ok('image', 'prune', '-f');
  assert.match(pruned, new RegExp(`deleted: ${old}`));
  assert.match(pruned, /Total reclaimed space: [1-9]/);
  assert.equal(await daemon.ok('images', '-q', '--filter', 'dangling=true'), '');
  await daemon.ok('rmi', 'pruned:1');
});

test('images survive a kill of the daemon', async () => {
  const format = ['images', '--no-trunc', '--format', '{{.Repository}} {{.Tag}} {{.ID}} {{.Size}}'];
  // The client lists the names of one image in any order.
  const list = async (): Promise<string[]> => (await daemon.ok(...format)).split('\n').sort();
  const listed = await list();
  await daemon.kill9();
  await daemon.start();
  assert.deepEqual(await list(), listed);
  assert.equal(await daemon.ok('run', '--rm', 'busybox', 'echo', 'alive'), 'alive');
});
