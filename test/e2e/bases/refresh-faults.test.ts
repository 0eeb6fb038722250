import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DebianMirror } from '../../support/debian-mirror.ts';
import { startDaemon, TestDaemon } from '../../support/daemon.ts';
import { smallDisk } from '../../support/small-disk.ts';

const base = 'debian.berth/busybox/libdemo:bookworm';

const scratch = await mkdtemp('/var/tmp/b-mirror-');
const mirror = await DebianMirror.start(join(scratch, 'mirror'));
const config = join(scratch, 'config.toml');
await writeFile(config, `${mirror.settings()}[bases]\nsecrets = ["kept"]\n`);
const daemon = await startDaemon({ environment: { BERTH_CONFIG: config } });
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await mirror[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true, force: true });
});

const publish = (version: string): Promise<void> =>
  mirror.publish({ name: 'libdemo', version, files: { 'usr/share/demo/version': `${version}\n` } });

async function berth(...words: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await daemon.berth(...words);
  return { code, text: stdout + stderr };
}

async function well(...words: string[]): Promise<string> {
  const { code, text } = await berth(...words);
  assert.equal(code, 0, text);
  return text;
}

async function project(name: string, files: Record<string, string>): Promise<string> {
  const folder = join(daemon.folder, name);
  await mkdir(folder);
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  return folder;
}

const idOf = (name: string): Promise<string> => daemon.ok('image', 'inspect', '-f', '{{.Id}}', name);

test('an app that is not healthy with what was rebuilt goes on with what it ran, and is named', async () => {
  await publish('1.0-1');
  // Healthy with the first version only.
  const compose = `name: shop
services:
  web:
    build: .
    command: sleep 1000
    stop_grace_period: 0s
    healthcheck: { test: grep -qx 1.0-1 /usr/share/demo/version, interval: 100ms, retries: 1 }
  old:
    image: ${base}
    command: sleep 1000
    stop_grace_period: 0s
    x-berth: { refresh: false }
`;
  const folder = await project('shop', {
    'compose.yaml': compose,
    Dockerfile: `FROM ${base}\nLABEL shop=web\n`,
  });
  await well('up', '-f', join(folder, 'compose.yaml'), '--yes');
  const running = (): Promise<string> => daemon.ok('inspect', '-f', '{{.Image}}', 'shop-web-1', 'shop-old-1');
  const before = await running();

  await publish('1.0-2');
  const { code, text } = await berth('base', 'refresh', '--deploy');
  assert.equal(code, 1, text);
  assert.match(text, /shop \(web\) was not updated: .*its health check fails/);
  assert.match(text, /could not be refreshed: shop/);
  assert.equal(await running(), before);
  assert.equal(await daemon.ok('exec', 'shop-web-1', 'cat', '/usr/share/demo/version'), '1.0-1');
  // A person may try again, by the image that is there now.
  assert.match((await berth('base', 'refresh', '--deploy')).text, /Rolling update of shop \(web\)/);

  await well('down', 'shop');
  await daemon.ok('rmi', 'shop-web');
});

test('what is built for a service that is to be left alone is named, and stays', async () => {
  await publish('1.0-3');
  const compose = `name: left
services:
  only:
    build: .
    command: sleep 1000
    stop_grace_period: 0s
    x-berth: { refresh: false }
`;
  const dockerfile = `FROM ${base}\nLABEL left=alone\n`;
  const folder = await project('left', { 'compose.yaml': compose, Dockerfile: dockerfile });
  await well('up', '-f', join(folder, 'compose.yaml'), '--yes');
  const before = await Promise.all([base, 'left-only'].map(idOf));
  const text = await well('base', 'refresh', '--deploy');
  const reason = 'left/only is not to be refreshed (x-berth.refresh: false)';
  assert.ok(text.includes(`cannot refresh docker.io/library/left-only:latest: ${reason}`), text);
  const now = await Promise.all([base, 'left-only'].map(idOf));
  assert.deepEqual([now[0] === before[0], now[1]], [false, before[1]]);
  await well('down', 'left');
  await daemon.ok('rmi', 'left-only');
});

test('what is built from a pinned image is tried once, keeps its name, and is told of', async () => {
  const folder = await project('pinned', {
    Dockerfile: `FROM ${await idOf(base)}\nRUN echo one >/tmp/one\n`,
  });
  await well('build', '-t', 'pinned', folder);
  await publish('1.0-4');
  const before = await idOf('pinned');
  const named =
    /docker\.io\/library\/pinned:latest is as before: a build without the cache brought no newer packages/;
  assert.match(await well('base', 'refresh'), named);
  assert.equal(await idOf('pinned'), before);
  assert.match(
    await well('base', 'outdated'),
    /pinned:latest +1 +0 .*built from sha256:[0-9a-f]{64}, which is pinned/,
  );
  const again = await well('base', 'refresh');
  assert.match(
    again,
    /cannot refresh docker\.io\/library\/pinned:latest: a build without the cache brought no newer/,
  );
  assert.doesNotMatch(again, named);
  // The mirror has something else: worth another try.
  await publish('1.0-5');
  assert.match(await well('base', 'refresh'), named);
});

test('an image whose build was given secrets is built again by whoever brings them, or has them sealed here', async () => {
  await publish('1.0-5a');
  const step = (id: string): string =>
    `RUN --mount=type=secret,id=${id} sha256sum /run/secrets/${id} >/${id}\n`;
  const folder = await project('guarded', {
    Dockerfile: `FROM ${base}\nUSER root\n${step('token')}${step('kept')}`,
  });
  const file = join(daemon.folder, 'value');
  await writeFile(file, 'of a file');
  const given = ['--secret', `id=token,src=${file}`, '--secret', `id=kept,src=${file}`];
  await well('build', '-t', 'guarded', ...given, folder);
  await publish('1.0-5b');
  const refused = await well('base', 'refresh', '--dry-run');
  assert.match(
    refused,
    /cannot refresh \S+guarded:latest: .*'kept', .*berth secret set kept.* and .*'token', .*--secret id=token,src=FILE/,
  );
  await well('secret', 'set', 'kept', '--from-file', file);
  await writeFile(file, 'another');
  const text = await well('base', 'refresh', '--secret', `id=token,src=${file}`);
  assert.match(text, /guarded:latest is new/);
  const sums = ['another', 'of a file'].map((value) => createHash('sha256').update(value).digest('hex'));
  const found = await daemon.ok('run', '--rm', 'guarded', 'cat', '/token', '/kept');
  assert.deepEqual(found.match(/[0-9a-f]{64}/g), sums);
  await daemon.ok('rmi', 'guarded');
});

test('a disk that is full in the middle leaves the image as it was, and with room the next try succeeds', async (t) => {
  await publish('1.0-6');
  const folder = await smallDisk(t, 128 * 1024 ** 2);
  const ownConfig = join(folder, 'config.toml');
  await writeFile(ownConfig, `${mirror.settings()}[disk]\nperiod = 0\n`);
  await using small = new TestDaemon(folder, { BERTH_CONFIG: ownConfig });
  await small.start();
  await small.ok('pull', base);
  const id = (): Promise<string> => small.ok('image', 'inspect', '-f', '{{.Id}}', base);
  const before = await id();

  await publish('1.0-7');
  assert.match((await small.berth('base', 'outdated')).stdout, /busybox/);
  const filler = join(folder, 'filler');
  const { bsize, bavail } = await statfs(small.root);
  // Enough for lists, too little for an image.
  await writeFile(filler, Buffer.alloc(bsize * bavail - 1024 ** 2));
  const { code, stdout, stderr } = await small.berth('base', 'refresh');
  assert.equal(code, 1, stdout);
  assert.match(stdout + stderr, /no space left on device/);
  assert.equal(await id(), before);
  await rm(filler);
  assert.equal((await small.berth('base', 'refresh')).code, 0);
  assert.notEqual(await id(), before);
});
