import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

describe('docker run', () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  const inside = (...args: string[]): Promise<string> => daemon.ok('run', '--rm', ...args);

  it('passes output, errors and the exit code through', async () => {
    const result = await daemon.docker(
      'run',
      '--rm',
      'busybox',
      'sh',
      '-c',
      'echo out; echo err >&2; exit 42',
    );
    assert.deepEqual(result, { code: 42, stdout: 'out\n', stderr: 'err\n' });
  });

  it('exits with 127 for a missing program, 126 for one that is not executable, 125 for its own errors', async () => {
    const codes = [['nosuch'], ['/etc/passwd']].map(async (command) => {
      const { code } = await daemon.docker('run', '--rm', 'busybox', ...command);
      return code;
    });
    assert.deepEqual(await Promise.all(codes), [127, 126]);
    const refused = await daemon.docker('run', '--rm', '--memory', '1m', 'busybox', 'true');
    assert.equal(refused.code, 125);
    assert.match(refused.stderr, /Minimum memory limit allowed is 6MB/);
  });

  it('leaves nothing behind after a refused start with --rm', async () => {
    await daemon.docker('run', '--rm', '--name', 'refused', 'busybox', 'nosuch');
    assert.equal(await daemon.ok('ps', '-aq', '-f', 'name=refused'), '');
  });

  it('reports a signal as 128 and its number', async () => {
    const running = daemon.docker('run', '--rm', '--name', 'hit', 'busybox', 'sleep', '60');
    while ((await daemon.docker('kill', 'hit')).code !== 0);
    assert.equal((await running).code, 137);
  });

  it('feeds stdin to its end and keeps every byte', async () => {
    const input = Buffer.alloc(3_000_000, 'line of input\n');
    const counted = await daemon.ok('run', '--rm', '-i', 'busybox', 'sh', '-c', 'cat | wc -c', { input });
    assert.equal(counted.trim(), String(input.length));
    const { stdout } = await daemon.docker('run', '--rm', '-i', 'busybox', 'cat', { input });
    assert.equal(stdout, input.toString());
  });

  it('gives a terminal when asked for one', async () => {
    const { code, stdout } = await daemon.docker(
      'run',
      '--rm',
      '-t',
      'busybox',
      'sh',
      '-c',
      'test -t 1 && echo tty',
    );
    assert.equal(code, 0);
    assert.equal(stdout, 'tty\r\n');
  });

  it('sets variables, folder, user and host name', async () => {
    const shown = await inside(
      '-e',
      'A=b c',
      '-w',
      '/made/here',
      '-u',
      'nobody',
      '-h',
      'me',
      'busybox',
      'sh',
      '-c',
      'echo "$A|$PWD|$(id -u)|$(hostname)|$HOSTNAME"',
    );
    assert.equal(shown, 'b c|/made/here|65534|me|me');
  });

  it('enforces memory, processor and process limits', async () => {
    const shown = await inside(
      '--memory',
      '32m',
      '--cpus',
      '0.5',
      '--pids-limit',
      '9',
      'busybox',
      'sh',
      '-c',
      [
        'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max',
        'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max',
        'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max',
        'true',
      ].join(' 2>/dev/null; '),
    );
    assert.deepEqual(
      shown.split('\n').map((line) => line.split(' ')[0]),
      ['33554432', '50000', '9'],
    );
  });

  it('has the devices that Docker gives, and leaves alone what is mounted among them', async () => {
    const devices = 'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero'.split(' ');
    assert.deepEqual((await inside('busybox', 'ls', '/dev')).split('\n'), devices);
    const listed = await inside('-v', `${daemon.folder}:/dev/core:ro`, 'busybox', 'ls', '/dev');
    assert.ok(listed.split('\n').includes('core'));
  });

  it('tells at the moment that memory ran out, although only a child was killed', async () => {
    const since = String(Date.now() / 1000);
    const command = 'tail /dev/zero; echo went on; sleep 600';
    const limits = ['--memory', '16m', '--memory-swap', '16m'];
    await daemon.ok('run', '-d', '--name', 'hungry', ...limits, 'busybox', 'sh', '-c', command);
    while (!(await daemon.ok('logs', 'hungry')).includes('went on'));
    const until = String(Date.now() / 1000);
    const filter = [
      '--filter',
      'container=hungry',
      '--filter',
      'event=oom',
      '--format',
      '{{json .Actor.Attributes}}',
    ];
    const told = await daemon.ok('events', '--since', since, '--until', until, ...filter);
    assert.match(told, /"memoryLimit":"16777216","memoryPeak":"1[0-9]{7}"/);
    const state = '{{.State.Status}} {{.State.OOMKilled}}';
    assert.equal(await daemon.ok('inspect', '-f', state, 'hungry'), 'running true');
    await daemon.ok('rm', '-f', 'hungry');
    const after = String(Date.now() / 1000);
    assert.equal(await daemon.ok('events', '--since', since, '--until', after, ...filter), told);
  });

  it('tells that memory ran out', async () => {
    const { code } = await daemon.docker(
      'run',
      '--name',
      'oom',
      '--memory',
      '16m',
      '--memory-swap',
      '16m',
      'busybox',
      'tail',
      '/dev/zero',
    );
    assert.equal(code, 137);
    assert.equal(await daemon.ok('inspect', '-f', '{{.State.OOMKilled}}', 'oom'), 'true');
  });

  it('tells so of a child too, with limit and peak, and keeps the exit code of the main process', async () => {
    const limits = ['--memory', '16m', '--memory-swap', '16m'];
    const script = 'sh -c "tail /dev/zero"; echo "child $?"; exit 3';
    const { code, stdout } = await daemon.docker(
      'run',
      '--name',
      'parent',
      ...limits,
      'busybox',
      'sh',
      '-c',
      script,
    );
    assert.deepEqual([code, stdout], [3, 'child 137\n']);
    assert.equal(
      await daemon.ok('inspect', '-f', '{{.State.OOMKilled}} {{.State.ExitCode}}', 'parent'),
      'true 3',
    );
    const filters = encodeURIComponent('{"event":["oom"],"container":["parent"]}');
    const { text } = await daemon.api(
      'GET',
      `/events?since=1&until=${Math.floor(Date.now() / 1000) + 1}&filters=${filters}`,
    );
    const peak = Number(/"memoryPeak":"(\d+)"/.exec(text)?.[1]);
    assert.match(text, /"memoryLimit":"16777216"/);
    assert.ok(peak > 15e6 && peak <= 16_777_216, text);
  });

  it('drops capabilities and makes the root read-only', async () => {
    const caps = (...args: string[]) => inside(...args, 'busybox', 'grep', 'CapEff', '/proc/self/status');
    assert.match(await caps(), /00000000a80425fb/);
    assert.match(await caps('--cap-drop', 'ALL'), /0000000000000000/);
    assert.match(await caps('--cap-drop', 'ALL', '--cap-add', 'CHOWN'), /0000000000000001/);
    const { code, stderr } = await daemon.docker('run', '--rm', '--read-only', 'busybox', 'touch', '/x');
    assert.equal(code, 1);
    assert.match(stderr, /Read-only file system/);
  });

  it('mounts folders, volumes and tmpfs', async () => {
    const folder = join(daemon.folder, 'bound');
    await mkdir(folder);
    await writeFile(join(folder, 'in'), 'from the host');
    const shown = await inside(
      '-v',
      `${folder}:/bound`,
      '-v',
      'data:/data',
      '--tmpfs',
      '/t:size=1m',
      'busybox',
      'sh',
      '-c',
      'cat /bound/in; echo out > /bound/out; echo kept > /data/f; df /t | tail -1 | cut -c1-5',
    );
    assert.equal(shown, 'from the hosttmpfs');
    assert.equal(await readFile(join(folder, 'out'), 'utf8'), 'out\n');
    assert.equal(await inside('-v', 'data:/data:ro', 'busybox', 'cat', '/data/f'), 'kept');
    const { code } = await daemon.docker('run', '--rm', '-v', 'data:/data:ro', 'busybox', 'touch', '/data/g');
    assert.equal(code, 1);
  });

  it('makes a missing folder for -v and refuses it for --mount', async () => {
    const missing = join(daemon.folder, 'not', 'there');
    const refused = await daemon.docker(
      'run',
      '--rm',
      '--mount',
      `type=bind,src=${missing},dst=/x`,
      'busybox',
      'true',
    );
    assert.equal(refused.code, 125);
    assert.match(refused.stderr, /bind source path does not exist/);
    await inside('-v', `${missing}:/x`, 'busybox', 'true');
    assert.ok((await stat(missing)).isDirectory());
  });

  it('fills a new volume from the image', async () => {
    assert.match(await inside('-v', 'seed:/etc', 'busybox', 'cat', '/etc/passwd'), /nobody/);
    assert.equal(await inside('-v', 'seed:/s', 'busybox', 'stat', '-c', '%a %u', '/s'), '755 0');
    assert.equal(
      await inside('-v', 'empty:/etc:nocopy', 'busybox', 'ls', '/etc/passwd').catch(() => 'none'),
      'none',
    );
  });

  it('removes anonymous volumes with --rm and keeps named ones', async () => {
    const before = await daemon.ok('volume', 'ls', '-q');
    await inside('-v', '/anonymous', 'busybox', 'touch', '/anonymous/x');
    assert.equal(await daemon.ok('volume', 'ls', '-q'), before);
  });

  it('adds hosts and joins the network of another container', async () => {
    assert.match(
      await inside('--add-host', 'db.example:10.9.8.7', 'busybox', 'cat', '/etc/hosts'),
      /^10\.9\.8\.7\tdb\.example$/m,
    );
    await daemon.ok('run', '-d', '--name', 'owner', '--network', 'none', 'busybox', 'sleep', '60');
    const own = await daemon.ok('exec', 'owner', 'readlink', '/proc/self/ns/net');
    assert.equal(
      await inside('--network', 'container:owner', 'busybox', 'readlink', '/proc/self/ns/net'),
      own,
    );
    assert.notEqual(await inside('--network', 'none', 'busybox', 'readlink', '/proc/self/ns/net'), own);
  });

  it('shares memory and process ids with another container that allows it', async () => {
    await daemon.ok(
      'run',
      '-d',
      '--name',
      'donor',
      '--ipc',
      'shareable',
      'busybox',
      'sh',
      '-c',
      'echo shared > /dev/shm/f; sleep 60',
    );
    while ((await daemon.docker('exec', 'donor', 'test', '-s', '/dev/shm/f')).code !== 0);
    assert.equal(await inside('--ipc', 'container:donor', 'busybox', 'cat', '/dev/shm/f'), 'shared');
    assert.match(await inside('--pid', 'container:donor', 'busybox', 'ps'), /sleep 60/);
    const refused = await daemon.docker('run', '--rm', '--ipc', 'container:owner', 'busybox', 'true');
    assert.match(refused.stderr, /non-shareable IPC/);
  });

  it("shares the host's process ids when asked to", async () => {
    const pid = Number(await inside('--pid', 'host', 'busybox', 'sh', '-c', 'echo $$'));
    assert.ok(pid > 50, `process ${pid}`);
  });

  it('refuses a second container of the same name, also at the same moment', async () => {
    const tries = [1, 2, 3].map(() => daemon.docker('create', '--name', 'twin', 'busybox', 'true'));
    const results = await Promise.all(tries);
    assert.deepEqual(results.map(({ code }) => code).sort(), [0, 1, 1]);
    const refused = results.find(({ code }) => code === 1);
    assert.match(
      refused?.stderr ?? '',
      /Conflict\. The container name "\/twin" is already in use by container/,
    );
  });

  it('leaves nothing half made when a create fails late', async () => {
    const volumes = await daemon.ok('volume', 'ls', '-q');
    const refused = await daemon.docker(
      'create',
      '--name',
      'half',
      '-v',
      '/anonymous',
      '--mount',
      'type=bind,src=/nope,dst=/x',
      'busybox',
    );
    assert.equal(refused.code, 1);
    assert.equal(await daemon.ok('volume', 'ls', '-q'), volumes);
    await daemon.ok('create', '--name', 'half', 'busybox');
  });
});
