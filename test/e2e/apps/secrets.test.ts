import assert from 'node:assert/strict';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';
import type { RunResult } from '../../support/docker.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

async function project(name: string, files: Record<string, string>): Promise<string> {
  const folder = join(daemon.folder, 'projects', name);
  await mkdir(folder, { recursive: true });
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
  return folder;
}

/** Everything that any command printed, to look for values in. */
const outputs: string[] = [];

async function berth(
  ...words: (string | { environment?: Record<string, string>; input?: string })[]
): Promise<RunResult> {
  const result = await daemon.berth(...words);
  outputs.push(result.stdout, result.stderr);
  assert.equal(result.code, 0, `${result.stderr}${result.stdout}\n${daemon.log}`);
  return result;
}

const inside = (...command: string[]): Promise<string> => daemon.ok('exec', ...command);

/** Files of the state, by path, that hold a text. */
async function filesWith(text: string): Promise<string[]> {
  const entries = await readdir(daemon.root, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path).catch(() => Buffer.alloc(0));
    if (content.includes(text)) found.push(path);
  }
  return found;
}

const compose = `
services:
  web:
    image: busybox
    command: sleep 1000
    read_only: true
    stop_grace_period: 0s
    secrets:
      - of_file
      - { source: of_variable, target: /etc/shop/token, uid: "7", gid: "8", mode: 0400 }
      - of_store
    configs: [inline, { source: of_file, target: /etc/shop/conf, mode: 0755 }]
secrets:
  of_file: { file: ./password.txt }
  of_variable: { environment: SHOP_TOKEN }
  of_store: { external: true, name: store_key }
configs:
  inline: { content: "config-alpha-1" }
  of_file: { file: ./shop.conf }
`;
const values = ['file-alpha-1', 'variable-alpha-1', 'store-alpha-1', 'config-alpha-1', 'conf-alpha-1'];

test('secrets and configs are files on a tmpfs, read-only, and nothing else on this machine shows them', async () => {
  const folder = await project('shop', {
    'compose.yaml': compose,
    'password.txt': 'file-alpha-1',
    'shop.conf': 'conf-alpha-1',
  });
  const environment = { SHOP_TOKEN: 'variable-alpha-1' };
  const missing = await daemon.berth('up', folder, { environment });
  assert.equal(missing.code, 1);
  assert.match(
    missing.stderr,
    /the app shop needs the external secret 'store_key', which is not in Berth's store/,
  );
  await berth('secret', 'set', 'store_key', '--app', 'shop', '--from-env', 'KEY', {
    environment: { KEY: 'store-alpha-1' },
  });
  await berth('plan', folder, { environment });
  await berth('up', folder, { environment });
  const web = 'shop-web-1';
  assert.equal(await inside(web, 'cat', '/run/secrets/of_file'), 'file-alpha-1');
  assert.equal(await inside(web, 'cat', '/etc/shop/token'), 'variable-alpha-1');
  assert.equal(await inside(web, 'cat', '/run/secrets/of_store'), 'store-alpha-1');
  assert.equal(await inside(web, 'cat', '/inline'), 'config-alpha-1');
  assert.equal(await inside(web, 'stat', '-c', '%u:%g %a', '/etc/shop/token'), '7:8 400');
  assert.equal(await inside(web, 'stat', '-c', '%u:%g %a', '/run/secrets/of_file'), '0:0 444');
  assert.equal(await inside(web, 'stat', '-c', '%u:%g %a', '/etc/shop/conf'), '0:0 755');
  for (const path of ['/run/secrets/of_file', '/etc/shop/token', '/inline', '/etc/shop/conf'])
    assert.equal(await inside(web, 'stat', '-f', '-c', '%T', path), 'tmpfs');
  const write = await daemon.docker('exec', web, 'sh', '-c', 'echo x >/run/secrets/of_file');
  assert.match(write.stderr, /Read-only file system/);
  outputs.push(
    await daemon.ok('inspect', web),
    await daemon.ok('diff', web),
    await daemon.ok('logs', web),
    // The content of a config is a part of the file itself.
    (await daemon.berth('compose', 'config', folder, { environment })).stdout.replace('config-alpha-1', ''),
    (await berth('history', 'shop', '--json')).stdout,
    (await berth('secret', 'ls', '--json')).stdout,
    (await berth('secret', 'history', 'store_key', '--app', 'shop')).stdout,
    (await berth('secret', 'history', 'of_file', '--app', 'shop', '--json')).stdout,
    await daemon.ok('events', '--since', '1h', '--until', '0s'),
    daemon.log,
  );
});

test('a restart of the container, of the daemon and a kill -9 keep them; what is stopped holds no mount', async () => {
  const web = 'shop-web-1';
  await daemon.ok('restart', '-t', '0', web);
  assert.equal(await inside(web, 'cat', '/run/secrets/of_file'), 'file-alpha-1');
  await daemon.kill9();
  await daemon.start();
  assert.equal(await inside(web, 'cat', '/etc/shop/token'), 'variable-alpha-1');
  const mounts = async (): Promise<number> =>
    (await readFile('/proc/self/mountinfo', 'utf8'))
      .split('\n')
      .filter((line) => line.includes(`${daemon.run}/containers`) && line.includes('/contents ')).length;
  assert.equal(await mounts(), 1);
  await daemon.ok('stop', '-t', '0', web);
  assert.equal(await mounts(), 0);
  await berth('start', 'shop');
  assert.equal(await inside(web, 'cat', '/run/secrets/of_store'), 'store-alpha-1');
});

test('a new value is a new version: planned without the value, brought by an update, taken back by a rollback', async () => {
  const folder = join(daemon.folder, 'projects', 'shop');
  const environment = { SHOP_TOKEN: 'variable-beta-2' };
  const same = await berth('plan', folder, { environment: { SHOP_TOKEN: 'variable-alpha-1' } });
  assert.doesNotMatch(same.stdout, /changed/);
  const planned = await berth('plan', folder, { environment });
  assert.match(planned.stdout, /secret of_variable changed \(version 1 -> 2\)/);
  await berth('up', '--yes', folder, { environment });
  assert.equal(await inside('shop-web-1', 'cat', '/etc/shop/token'), 'variable-beta-2');
  const history = await berth('history', 'shop');
  assert.match(history.stdout, /secret of_variable changed \(version 1 -> 2\)/);
  await berth('rollback', '1', 'shop');
  assert.equal(await inside('shop-web-1', 'cat', '/etc/shop/token'), 'variable-alpha-1');
});

test('secret set --restart gives the apps that use it the new value', async () => {
  const set = await berth('secret', 'set', 'store_key', '--app', 'shop', '--from-env', 'KEY', '--restart', {
    environment: { KEY: 'store-beta-2' },
  });
  assert.match(set.stdout, /store_key is at version 2 now/);
  assert.equal(await inside('shop-web-1', 'cat', '/run/secrets/of_store'), 'store-beta-2');
  const refused = await daemon.berth('secret', 'rm', 'store_key', '--app', 'shop');
  assert.match(
    refused.stderr,
    /cannot remove the secret 'store_key' of the app shop: needed by .*the app shop/,
  );
  const owned = await daemon.berth('secret', 'set', 'of_file', '--app', 'shop', { input: 'x' });
  assert.match(owned.stderr, /its value comes from the app's compose file \(file\)/);
});

test('the master key is rotated, also by a daemon that is killed in the middle', async () => {
  for (let round = 0; round < 3; round++) {
    const watcher = watch(daemon.root);
    const begun = once(watcher, 'change');
    const rotation = daemon.berth('secret', 'rotate-key');
    await begun;
    watcher.close();
    await daemon.kill9();
    await rotation;
    await daemon.start();
  }
  await berth('secret', 'rotate-key');
  await daemon.ok('restart', '-t', '0', 'shop-web-1');
  assert.equal(await inside('shop-web-1', 'cat', '/run/secrets/of_store'), 'store-beta-2');
  await berth('secret', 'rotate-key', '--passphrase-file', '-', { input: 'correct horse battery\n' });
  await assert.rejects(readFile(join(daemon.root, 'secrets.key')), /ENOENT/);
  await daemon.restart();
  const list = await berth('secret', 'ls');
  assert.match(list.stderr, /They are locked/);
  const locked = await daemon.docker('restart', '-t', '0', 'shop-web-1');
  assert.match(locked.stderr, /the secrets are locked/);
  await berth('secret', 'unlock', { input: 'correct horse battery\n' });
  await daemon.ok('start', 'shop-web-1');
  assert.equal(await inside('shop-web-1', 'cat', '/run/secrets/of_file'), 'file-alpha-1');
});

test('no value is in the state, in the log or in what any command printed; a down lets go of all', async () => {
  const all = [...values, 'variable-beta-2', 'store-beta-2', 'correct horse battery'];
  for (const value of all) {
    assert.deepEqual(await filesWith(value), [], value);
    assert.deepEqual(
      outputs.filter((text) => text.includes(value)),
      [],
      value,
    );
    assert.ok(!daemon.log.includes(value), value);
  }
  await berth('down', 'shop');
  const { stdout } = await berth('secret', 'ls', '--json');
  assert.match(stdout, /"name":"store_key","version":2/);
  assert.match(stdout, /"name":"of_file","version":0/);
  await berth('secret', 'rm', 'store_key', '--app', 'shop');
});

test('a plan shows the lines of configs that change, and of secrets the version alone', async () => {
  const text = `services:
  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    configs: [settings]
    secrets: [key]
configs: { settings: { file: ./settings.conf } }
secrets: { key: { file: ./key.txt } }
`;
  const files = { 'compose.yaml': text, 'settings.conf': 'host = a\nport = 1\n', 'key.txt': 'lines-alpha-1' };
  const folder = await project('lines', files);
  await berth('up', folder);
  await project('lines', { ...files, 'settings.conf': 'host = a\nport = 2\n', 'key.txt': 'lines-alpha-2' });
  for (const verb of ['plan', 'up']) {
    const { stdout, stderr } = await berth(verb, folder);
    const shown = `${stdout}${stderr}`;
    assert.match(
      shown,
      /~ configs settings: version 1 -> version 2\n +host = a\n +-port = 1\n +\+port = 2\n/,
    );
    assert.match(shown, /~ secrets key: version 1 -> version 2\n/);
    assert.doesNotMatch(shown, /lines-alpha/);
  }
  await berth('down', folder);
});
