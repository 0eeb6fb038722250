import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { mount, unmount } from '#adapters/linux/libc.ts';
import { instanceOf } from '#domain/instance.ts';
import { startDaemon } from '../../support/daemon.ts';
import { freePort } from '../../support/free-port.ts';
import { removeInstance } from '../../support/leaks.ts';

const berth = new URL('../../../src/main/berth.ts', import.meta.url).pathname;

test('what was acknowledged is there after kill -9, and a stale socket is replaced', async () => {
  await using daemon = await startDaemon();
  await daemon.ok('volume', 'create', '--label', 'a=b', 'kept');
  await daemon.kill9();
  await access(daemon.socket);
  await daemon.start();
  assert.equal(await daemon.ok('volume', 'inspect', '--format', '{{.Labels.a}}', 'kept'), 'b');
});

test('a graceful stop ends open streams, removes the socket and exits with 0', async () => {
  await using daemon = await startDaemon();
  const events = await daemon.open('GET', '/events');
  events.on('error', () => undefined);
  await daemon.stop();
  await assert.rejects(stat(daemon.socket), { code: 'ENOENT' });
  await daemon.told(/"msg":"stopped"/);
});

test('what cannot be cleared away after a crash keeps no daemon from starting, and goes at a later start', async () => {
  await using daemon = await startDaemon();
  await daemon.stop();
  const left = join(daemon.root, 'volumes', '.removing-volume');
  await mkdir(join(left, 'held'), { recursive: true });
  mount('tmpfs', join(left, 'held'), 'tmpfs', 0);
  try {
    await daemon.start();
    await daemon.told(/something of volumes is left over from an earlier run/);
  } finally {
    unmount(join(left, 'held'));
  }
  await daemon.restart();
  await assert.rejects(stat(left), { code: 'ENOENT' });
});

test('two daemons side by side do not see each other', async () => {
  await using one = await startDaemon();
  await using two = await startDaemon();
  assert.notEqual(one.instance.id, two.instance.id);
  await one.ok('volume', 'create', 'mine');
  assert.equal(await two.ok('volume', 'ls', '-q'), '');
  await one.kill9();
  assert.equal((await two.api('GET', '/_ping')).status, 200);
});

test('a second daemon on the same root, or on a socket in use, is refused and the first goes on', async () => {
  await using daemon = await startDaemon();
  const same = await daemon.berth('daemon');
  assert.equal(same.code, 1);
  assert.match(
    same.stderr,
    new RegExp(`the folder '${daemon.root}' is in use by another daemon \\(process ${daemon.pid}\\)`),
  );
  const other = { BERTH_ROOT: join(daemon.folder, 'other'), BERTH_RUN: join(daemon.folder, 'other-run') };
  const socket = await daemon.berth('daemon', { environment: other });
  assert.equal(socket.code, 1);
  assert.match(socket.stderr, /another program listens on the socket/);
  assert.equal((await daemon.api('GET', '/_ping')).status, 200);
});

test('a daemon with wrong settings ends with file and line', async () => {
  await using daemon = await startDaemon();
  const path = join(daemon.folder, 'wrong.toml');
  await writeFile(path, '# settings\n[log]\nlevle = "info"\n');
  const { code, stderr } = await daemon.berth('daemon', { environment: { BERTH_CONFIG: path } });
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`${path}:3: unknown key 'log.levle', did you mean 'log.level'\\?`));
});

test('a daemon listens on TCP when its host says so', async () => {
  const port = await freePort();
  await using daemon = await startDaemon();
  const folder = join(daemon.folder, 'tcp');
  const environment = { BERTH_ROOT: folder, BERTH_RUN: folder, BERTH_HOST: `tcp://127.0.0.1:${port}` };
  const second = spawn(process.execPath, [berth, 'daemon'], { env: { ...process.env, ...environment } });
  const ended = once(second, 'close');
  for await (const line of createInterface(second.stderr)) if (line.includes('"msg":"ready"')) break;
  second.stderr.resume();
  const answer = await fetch(`http://127.0.0.1:${port}/v1.44/_ping`);
  assert.equal(await answer.text(), 'OK');
  second.kill('SIGTERM');
  await ended;
  await removeInstance(instanceOf(folder, folder));
});

test('a daemon at rest with 20 idle containers has less than 100 MB resident and 50 kB for each, of which 70 are its own', async () => {
  await using daemon = await startDaemon({ environment: { BERTH_LOG_LEVEL: 'debug' } });
  await daemon.loadBusybox();
  // The thread that unpacked the image lives on for some seconds.
  await daemon.stop();
  await daemon.start();
  await Promise.all(
    Array.from({ length: 20 }, () => daemon.ok('run', '-d', '--network', 'none', 'busybox', 'sleep', '600')),
  );
  // What a busy time left is given back as soon as nobody asks for anything.
  const settled = daemon.logged('"roundsLeft":0');
  for (let requests = 0; requests < 20; requests++) await daemon.api('GET', '/_ping');
  await settled;
  const status = await readFile(`/proc/${daemon.pid}/status`, 'utf8');
  const bytes = (key: string): number =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  assert.ok(bytes('VmRSS') < 101e6, status);
  // The rest is of files, the program's own above all. Measured: 60 to 62 MB.
  assert.ok(bytes('RssAnon') < 70e6, status);
});
