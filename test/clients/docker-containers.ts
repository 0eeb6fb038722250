import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checks } from './checks.ts';
import type { DockerCommand } from './client-command.ts';

/** Every command of `docker container`, on containers of the image `busybox`. */
export async function checkContainers(checks: Checks, docker: DockerCommand, folder: string): Promise<void> {
  await checkRunning(checks, docker);
  await checkLooking(checks, docker);
  await checkFiles(checks, docker, join(folder, 'files'));
  await checkEnds(checks, docker);
}

async function checkRunning(checks: Checks, docker: DockerCommand): Promise<void> {
  await checks.check('run', async () => {
    assert.equal(await docker.ok('run', '--rm', '-e', 'A=1', 'busybox', 'sh', '-c', 'echo $A'), '1');
    assert.equal(await docker.ok('run', '--rm', '-i', 'busybox', 'cat', { input: 'typed' }), 'typed');
    assert.equal((await docker.run('run', '--rm', 'busybox', 'sh', '-c', 'exit 7')).code, 7);
    await docker.ok(
      'run',
      '-d',
      '--name',
      'web',
      '-p',
      '127.0.0.1::80',
      '-l',
      'a=b',
      'busybox',
      'sh',
      '-c',
      serving,
    );
  });
  await checks.check('create, start, attach', async () => {
    await docker.ok('create', '-i', '--name', 'made', 'busybox', 'sh', '-c', 'read line; echo got $line');
    assert.equal(await docker.ok('start', '-ai', 'made', { input: 'word\n' }), 'got word');
    await docker.ok(
      'container',
      'create',
      '-i',
      '--name',
      'joined',
      'busybox',
      'sh',
      '-c',
      'read l; echo $l; exit 3',
    );
    await docker.ok('container', 'start', 'joined');
    const attached = await docker.run('container', 'attach', 'joined', { input: 'hello\n' });
    assert.deepEqual([attached.code, attached.stdout], [3, 'hello\n']);
  });
  await checks.check('exec', async () => {
    assert.equal(
      await docker.ok('exec', '-e', 'X=2', '-w', '/tmp', 'web', 'sh', '-c', 'echo $X $PWD'),
      '2 /tmp',
    );
    assert.equal(await docker.ok('exec', '-i', 'web', 'cat', { input: 'in' }), 'in');
    assert.equal((await docker.run('container', 'exec', 'web', 'sh', '-c', 'exit 4')).code, 4);
  });
  await checks.check('pause, unpause', async () => {
    await docker.ok('pause', 'web');
    assert.match(await docker.ok('ps', '--filter', 'status=paused', '--format', '{{.Names}}'), /^web$/);
    await docker.ok('unpause', 'web');
  });
  await checks.check('update', async () => {
    await docker.ok('update', '--memory', '64m', '--memory-swap', '64m', '--restart', 'no', 'web');
    assert.equal(await docker.ok('inspect', '--format', '{{.HostConfig.Memory}}', 'web'), '67108864');
  });
  await checks.check('rename', async () => {
    await docker.ok('rename', 'web', 'moved');
    await docker.ok('container', 'rename', 'moved', 'web');
  });
}

const serving = 'echo out; echo err >&2; mkdir /srv; echo page >/srv/index.html; exec httpd -f -p 80 -h /srv';

async function checkLooking(checks: Checks, docker: DockerCommand): Promise<void> {
  await checks.check('ps', async () => {
    const shown = await docker.ok(
      'ps',
      '-a',
      '--filter',
      'label=a=b',
      '--format',
      '{{.Names}} {{.Image}} {{.State}}',
    );
    assert.equal(shown, 'web busybox running');
    assert.match(await docker.ok('container', 'ls', '--all', '--size', '--no-trunc'), /virtual/);
  });
  await checks.check('inspect', async () => {
    assert.equal(
      await docker.ok('inspect', '-f', '{{.State.Status}}', '--type', 'container', 'web'),
      'running',
    );
    assert.match(await docker.ok('container', 'inspect', '--size', 'web'), /"SizeRootFs": \d+/);
    await docker.refused(/[Nn]o such object: nothing/, 'inspect', 'nothing');
  });
  await checks.check('logs', async () => {
    const { stdout, stderr } = await docker.run('logs', 'web');
    assert.deepEqual([stdout, stderr], ['out\n', 'err\n']);
    assert.match(
      await docker.ok('container', 'logs', '--timestamps', '--tail', '1', 'web'),
      /^(\d{4}-\S+Z out)?$/,
    );
  });
  await checks.check('port', async () => {
    const address = await docker.ok('port', 'web', '80');
    assert.equal(await (await fetch(`http://${address}/`)).text(), 'page\n');
    assert.equal(await docker.ok('container', 'port', 'web'), `80/tcp -> ${address}`);
  });
  await checks.check('top', async () =>
    assert.match(await docker.ok('top', 'web', '-o', 'pid,args'), /httpd -f -p 80/),
  );
  await checks.check('stats', async () => {
    assert.match(
      await docker.ok('stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}}', 'web'),
      /^web .*iB \/ 64MiB$/,
    );
    assert.match(await docker.ok('container', 'stats', '--no-stream', '--all'), /PIDS/);
  });
  await checks.check('diff', async () =>
    assert.match(await docker.ok('diff', 'web'), /^A \/srv\/index.html$/m),
  );
}

async function checkFiles(checks: Checks, docker: DockerCommand, folder: string): Promise<void> {
  await mkdir(folder);
  await checks.check('cp', async () => {
    await writeFile(join(folder, 'in'), 'content');
    await docker.ok('cp', join(folder, 'in'), 'web:/tmp/in');
    await docker.ok('container', 'cp', 'web:/tmp/in', join(folder, 'out'));
    assert.equal(await readFile(join(folder, 'out'), 'utf8'), 'content');
  });
  await checks.check('export', async () => {
    await docker.ok('export', '-o', join(folder, 'root.tar'), 'web');
    assert.ok((await readFile(join(folder, 'root.tar'))).includes('srv/index.html'));
  });
  await checks.check('commit', async () => {
    await docker.ok(
      'commit',
      '-m',
      'as it is',
      '--change',
      'CMD ["cat", "/srv/index.html"]',
      'web',
      'committed:1',
    );
    assert.equal(await docker.ok('run', '--rm', 'committed:1'), 'page');
  });
}

async function checkEnds(checks: Checks, docker: DockerCommand): Promise<void> {
  await checks.check('stop, restart, kill', async () => {
    await docker.ok('restart', '-t', '0', 'web');
    await docker.ok('stop', '-t', '0', 'web');
    await docker.ok('start', 'web');
    await docker.ok('kill', '-s', 'KILL', 'web');
    assert.equal(await docker.ok('wait', 'web'), '137');
  });
  await checks.check('wait', async () => {
    await docker.ok('run', '-d', '--name', 'ends', 'busybox', 'sh', '-c', 'exit 5');
    assert.equal(await docker.ok('container', 'wait', 'ends'), '5');
  });
  await checks.check('rm, container prune', async () => {
    await docker.ok('rm', 'ends');
    await docker.ok('run', '-d', '--name', 'runs', 'busybox', 'sleep', '1000');
    await docker.refused(/container is running/, 'container', 'rm', 'runs');
    await docker.ok('rm', '-f', '-v', 'runs');
    assert.match(await docker.ok('container', 'prune', '--force'), /Total reclaimed space/);
    assert.equal(await docker.ok('ps', '-aq'), '');
  });
}
