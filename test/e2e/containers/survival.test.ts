import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { run } from '../../support/docker.ts';
import { leaksOf } from '../../support/leaks.ts';

async function ready(): Promise<TestDaemon> {
  const daemon = await startDaemon();
  await daemon.loadBusybox();
  return daemon;
}

const state = (daemon: TestDaemon, name: string, field: string): Promise<string> =>
  daemon.ok('inspect', '-f', `{{.State.${field}}}`, name);

describe('containers and a daemon that is killed', () => {
  it('keep running, and lose or double no line of their log', async () => {
    await using daemon = await ready();
    await daemon.ok(
      'run',
      '-d',
      '--name',
      'counter',
      'busybox',
      'sh',
      '-c',
      'i=0; while [ $i -lt 60 ]; do echo line $i; i=$((i+1)); sleep 0.05; done; until [ -e /end ]; do sleep 0.05; done; exit 5',
    );
    const pid = await state(daemon, 'counter', 'Pid');
    await daemon.kill9();
    await daemon.start();
    assert.equal(await state(daemon, 'counter', 'Pid'), pid);
    assert.equal(await state(daemon, 'counter', 'Status'), 'running');
    const followed = daemon.ok('logs', '-f', 'counter');
    await daemon.ok('exec', 'counter', 'touch', '/end');
    assert.equal(await daemon.ok('wait', 'counter'), '5');
    const expected = Array.from({ length: 60 }, (_, line) => `line ${line}`).join('\n');
    assert.equal(await followed, expected);
    assert.equal(await daemon.ok('logs', 'counter'), expected);
  });

  it('are no mounts of the host while they run, and are exported without their volumes, before and after', async () => {
    await using daemon = await ready();
    const write = 'echo own >/root/own; echo kept >/data/kept; exec sleep 600';
    await daemon.ok('run', '-d', '--name', 'bare', '-v', '/data', 'busybox', 'sh', '-c', write);
    const exported = async (): Promise<string[]> => {
      const tar = join(daemon.folder, 'bare.tar');
      await daemon.ok('export', '-o', tar, 'bare');
      const { stdout } = await run('tar', ['-tf', tar]);
      return stdout.split('\n').filter((name) => /^(root|data|proc|etc\/hostname)\b/.test(name));
    };
    const inside = ['data/', 'etc/hostname', 'proc/', 'root/', 'root/own'];
    for (const kill of [false, true]) {
      if (kill) {
        await daemon.kill9();
        await daemon.start();
      }
      const mounts = await readFile('/proc/self/mountinfo', 'utf8');
      assert.deepEqual(
        mounts.split('\n').filter((line) => line.includes(daemon.folder)),
        [],
      );
      assert.deepEqual((await exported()).sort(), inside);
      assert.equal(await daemon.ok('exec', '-u', 'nobody', 'bare', 'id', '-un'), 'nobody');
    }
    await daemon.ok('stop', '-t', '0', 'bare');
    assert.deepEqual((await exported()).sort(), inside);
    await daemon.ok('start', 'bare');
    assert.equal(await daemon.ok('exec', 'bare', 'cat', '/data/kept'), 'kept');
  });

  it('keep mounts of images and of parts of volumes, which go with them', async () => {
    await using daemon = await ready();
    const fill = ['-v', 'data:/v', 'busybox', 'sh', '-c', 'mkdir /v/part; echo deep >/v/part/f'];
    await daemon.ok('run', '--rm', '--network', 'none', ...fill);
    const mounts = ['type=image,src=busybox,dst=/i', 'type=volume,src=data,dst=/p,volume-subpath=part'];
    const options = mounts.flatMap((mount) => ['--mount', mount]);
    await daemon.ok(
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      'held',
      ...options,
      'busybox',
      'sleep',
      '600',
    );
    await daemon.kill9();
    await daemon.start();
    assert.equal(await daemon.ok('exec', 'held', 'sh', '-c', 'cat /p/f; ls -d /i/etc'), 'deep\n/i/etc');
    await daemon.ok('stop', '-t', '0', 'held');
    assert.deepEqual(await leaksOf(daemon.instance, daemon.folder), []);
    await daemon.ok('start', 'held');
    assert.equal(await daemon.ok('exec', 'held', 'cat', '/p/f'), 'deep');
    await daemon.ok('rm', '-f', 'held');
    assert.deepEqual(await leaksOf(daemon.instance, daemon.folder), []);
  });

  it('end when their monitor is killed, by their restart policy', async () => {
    await using daemon = await ready();
    const run = ['run', '-d', '--network', 'none'];
    const ids = [
      await daemon.ok(...run, '--name', 'plain', 'busybox', 'sleep', '600'),
      await daemon.ok(...run, '--name', 'again', '--restart', 'on-failure', 'busybox', 'sleep', '600'),
    ];
    const before = await state(daemon, 'again', 'Pid');
    const ended = daemon.ok('wait', 'plain', 'again');
    for (const id of ids) {
      const monitor = await readFile(join(daemon.run, 'bundles', id, 'conmon.pid'), 'utf8');
      process.kill(Number(monitor), 'SIGKILL');
    }
    while ((await daemon.ok('inspect', '-f', '{{.RestartCount}} {{.State.Running}}', 'again')) !== '1 true');
    assert.notEqual(await state(daemon, 'again', 'Pid'), before);
    await daemon.ok('stop', '-t', '0', 'again');
    assert.equal(await ended, '137\n137');
    assert.equal(await state(daemon, 'plain', 'Status'), 'exited');
    assert.deepEqual(await leaksOf(daemon.instance, daemon.folder), []);
  });

  it('keep the exit code and the time of an end that nobody saw', async () => {
    await using daemon = await ready();
    const run = (...args: string[]): Promise<string> => daemon.ok('run', '-d', '--network', 'none', ...args);
    const short = await run('--name', 'short', 'busybox', 'sh', '-c', 'sleep 2; exit 21');
    const gone = await run('--name', 'gone', '--rm', 'busybox', 'sleep', '2');
    await daemon.kill9();
    // The monitor writes this file when its container has ended.
    const ended = (id: string): boolean => existsSync(join(daemon.run, 'exits', id));
    while (!ended(short) || !ended(gone)) await setTimeout(20);
    const restarted = Date.now();
    await daemon.start();
    assert.equal(await state(daemon, 'short', 'ExitCode'), '21');
    assert.ok(Date.parse(await state(daemon, 'short', 'FinishedAt')) < restarted);
    assert.equal((await daemon.docker('inspect', 'gone')).code, 1);
  });

  it('go on with exec, health checks, restarts, stop and published ports', async () => {
    await using daemon = await ready();
    await daemon.ok(
      'run',
      '-d',
      '--name',
      'web',
      '-p',
      '127.0.0.1::80',
      '--restart',
      'always',
      '--health-cmd',
      'test -f /ok',
      '--health-interval',
      '100ms',
      '--health-retries',
      '1',
      'busybox',
      'httpd',
      '-f',
      '-p',
      '80',
      '-h',
      '/etc',
    );
    await daemon.kill9();
    await daemon.start();
    await daemon.ok('exec', 'web', 'touch', '/ok');
    for (let health = ''; health !== 'healthy'; health = await state(daemon, 'web', 'Health.Status'));
    const port = (await daemon.ok('port', 'web', '80')).split(':').at(-1) ?? '';
    assert.match(await (await fetch(`http://127.0.0.1:${port}/passwd`)).text(), /^root:/);
    const pid = await state(daemon, 'web', 'Pid');
    process.kill(Number(pid), 'SIGKILL');
    for (let now = pid; now === pid || now === '0'; now = await state(daemon, 'web', 'Pid'));
    assert.equal(await daemon.ok('inspect', '-f', '{{.RestartCount}}', 'web'), '1');
    await daemon.ok('stop', '-t', '0', 'web');
    assert.equal(await state(daemon, 'web', 'Status'), 'exited');
  });

  it('are restarted by their policy when they ended meanwhile', async () => {
    await using daemon = await ready();
    await daemon.ok(
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      'back',
      '--restart',
      'unless-stopped',
      'busybox',
      'sleep',
      '600',
    );
    const pid = await state(daemon, 'back', 'Pid');
    await daemon.kill9();
    process.kill(Number(pid), 'SIGKILL');
    await daemon.start();
    for (let now = pid; now === pid || now === '0'; now = await state(daemon, 'back', 'Pid'));
    assert.equal(await state(daemon, 'back', 'Status'), 'running');
  });

  it('leave nothing behind when it is killed while they are made, started and removed', async () => {
    await using daemon = await ready();
    for (const delay of [5, 20, 40, 60, 90, 130]) {
      const work = [1, 2, 3].map((number) =>
        daemon.docker(
          'run',
          '--rm',
          '--name',
          `victim-${delay}-${number}`,
          '-v',
          '/anonymous',
          'busybox',
          'true',
        ),
      );
      await setTimeout(delay);
      await daemon.kill9();
      await Promise.all(work);
      await daemon.start();
      for (const id of (await daemon.ok('ps', '-aq')).split('\n').filter((line) => line !== ''))
        await daemon.docker('rm', '-f', '-v', id);
      assert.equal(await daemon.ok('ps', '-aq'), '');
      assert.deepEqual(await leaksOf(daemon.instance, daemon.root), [], `killed after ${delay} ms`);
    }
  });
});
