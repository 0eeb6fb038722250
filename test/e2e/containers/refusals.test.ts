import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

/** What a person types after `docker`, and what the client then says: words of Docker that scripts look for. */
type Case = [command: string, says: RegExp, code?: number];

describe('what cannot be done is said as Docker says it', () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    const waiting = ['--annotation', 'berth.restart.delay=600s'];
    const background = ['run', '-d', '--network', 'none'];
    await daemon.ok('create', '--name', 'made', '--cpu-period', '50000', 'busybox');
    await daemon.ok(
      ...background,
      '--name',
      'up',
      '-m',
      '32m',
      '--memory-swap',
      '64m',
      'busybox',
      'sleep',
      '900',
    );
    await daemon.ok(...background, '--name', 'halted', 'busybox', 'sleep', '900');
    await daemon.ok('pause', 'halted');
    await daemon.ok('create', '--read-only', '-v', 'sealed:/v:ro', '--name', 'sealed', 'busybox');
    await daemon.ok(...background, '--rm', '--name', 'passing', 'busybox', 'sleep', '900');
    await daemon.ok(
      ...background,
      '--restart',
      'always',
      ...waiting,
      '--name',
      'failing',
      'busybox',
      'false',
    );
  });
  after(() => daemon[Symbol.asyncDispose]());

  const cases = (list: Case[]): void => {
    for (const [command, says, code = 1] of list)
      it(`docker ${command}`, async () => {
        const result = await daemon.docker(...command.split(' '));
        assert.match(result.stderr || result.stdout, says);
        assert.equal(result.code, code);
      });
  };

  describe('signals', () => {
    cases([
      ['kill -s ODD up', /daemon: cannot kill container: up: invalid signal: ODD/],
      ['kill -s 99 up', /daemon: cannot kill container: up: the linux daemon does not support signal 99/],
      ['kill none', /daemon: cannot kill container: none: No such container: none/],
      ['kill made', /daemon: cannot kill container: made: container [0-9a-f]{64} is not running/],
      ['stop -s ODD up', /daemon: cannot stop container: up: invalid signal: ODD/],
    ]);
  });

  describe('states', () => {
    cases([
      ['pause made', /daemon: container [0-9a-f]{64} is not running/],
      ['rm up', /daemon: cannot remove container "up": container is running: stop the container before/],
      [
        'rm halted',
        /daemon: cannot remove container "halted": container is paused and must be unpaused first/,
      ],
      ['exec halted true', /daemon: Container halted is paused, unpause the container before exec/],
    ]);
  });

  describe('execs', () => {
    cases([
      [
        'exec -u ghost up true',
        /^Error response from daemon: unable to find user ghost: no matching entries in/,
      ],
      [
        'exec -w /none up true',
        /chdir to cwd \("\/none"\) set in config\.json failed: no such file or directory/,
        127,
      ],
      ['exec --detach-keys odd,, up true', /daemon: Invalid escape keys \(odd,,\) provided/],
      ['top up -bogus', /^Error response from daemon: ps: .*unsupported.*\n$/],
    ]);
  });

  describe('lists, volumes and files', () => {
    cases([
      ['ps -f status=odd', /invalid value for state \(odd\): must be one of created, running, paused,/],
      ['ps -f is-task=odd', /invalid filter 'is-task=\[odd\]'/],
      ['events --since 2 --until 1', /daemon: `since` time \(\d+\) cannot be after `until` time \(\d+\)/],
      [
        'volume create -d odd x1',
        /daemon: create x1: error looking up volume plugin odd: plugin "odd" not found/,
      ],
      ['volume create -o o=size=1m x1', /daemon: create x1: missing required option: "device"/],
      ['run --rm -w /etc/passwd busybox true', /daemon: Cannot mkdir: \/etc\/passwd is not a directory/, 125],
      [
        'run --rm -v /etc/passwd:/etc busybox true',
        /: unknown: Are you trying to mount a directory onto a file/,
        125,
      ],
      ['cp /etc/hostname sealed:/f', /daemon: container rootfs is marked read-only\n/],
      ['cp /etc/hostname sealed:/v/f', /daemon: mounted volume is marked read-only\n/],
    ]);
  });

  it('what is made and shown is as scripts expect it', async () => {
    const words = [
      'run',
      '--rm',
      '-h',
      'web.example.org',
      '-w',
      '/made',
      '-u',
      'nobody',
      'busybox',
      'sh',
      '-c',
    ];
    const shown = 'test -f /.dockerenv && readlink /etc/mtab; tail -1 /etc/hosts | cut -f2; stat -c %u /made';
    assert.equal(await daemon.ok(...words, shown), '/proc/mounts\nweb.example.org web\n0');
    await daemon.ok(
      'create',
      '--name',
      'linked',
      '--link',
      'up:alias',
      '-v',
      '/anonymous',
      'busybox',
      'sh',
      '-c',
      'a b',
    );
    const list = ['ps', '-a', '--no-trunc', '-f', 'name=linked', '--format', '{{.Command}}'];
    assert.equal(await daemon.ok(...list), `"sh -c 'a b'"`);
    assert.equal(
      await daemon.ok(
        'inspect',
        '-f',
        '{{.HostConfig.Links}} {{range .Mounts}}{{len .Name}}{{end}}',
        'linked',
      ),
      '[/up:/linked/alias] 64',
    );
    const filter = ['--filter', 'label=com.docker.volume.anonymous'];
    assert.equal((await daemon.ok('volume', 'ls', '-q', ...filter)).length, 64);
    await daemon.ok('run', '--name', 'ended', 'busybox', 'true');
    assert.equal(await daemon.ok('diff', 'ended'), '');
  });

  describe('names', () => {
    cases([
      [
        'rename made up',
        /Error when allocating new name: Conflict\. The container name "\/up" is already in use/,
      ],
      ['rename made made', /Renaming a container with the same name as its current name/],
      ['rename made a~b', /Error when allocating new name: Invalid container name \(\/a~b\), only/],
      [
        'run --rm --mount type=volume,src=odd,dst=/x,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/none busybox true',
        /failed to mount local volume: mount \/none:.*: no such file or directory\n/,
        127,
      ],
      [
        'run --rm -v /proc/none:/x busybox true',
        /error while creating mount source path '\/proc\/none': mkdir \/proc\/none: no such file or directory/,
        127,
      ],
    ]);
  });

  describe('changes', () => {
    cases([
      [
        'update -m 99m up',
        /Cannot update container [0-9a-f]{64}: Memory limit should be smaller than already set/,
      ],
      [
        'update --cpus 1 made',
        /Cannot update container .* Nano CPUs cannot be updated as CPU Period has already/,
      ],
      ['update --restart always passing', /Restart policy cannot be updated because AutoRemove is enabled/],
      ['update --cpus -1 up', /daemon: range of CPUs is from 0\.01 to \d+\.00, as there are only/],
    ]);
  });

  it('a container between two runs is killed for good', async () => {
    const restarting = (): Promise<string> => daemon.ok('inspect', '-f', '{{.State.Restarting}}', 'failing');
    while ((await restarting()) !== 'true');
    const { stderr } = await daemon.docker('pause', 'failing');
    assert.match(stderr, /daemon: Container [0-9a-f]{64} is restarting, wait until the container is running/);
    await daemon.ok('kill', 'failing');
    assert.equal(await daemon.ok('inspect', '-f', '{{.State.Status}}', 'failing'), 'exited');
  });

  it('a limit of processes is taken back while the container runs', async () => {
    const command = [
      'run',
      '-d',
      '--network',
      'none',
      '--pids-limit',
      '20',
      '--name',
      'few',
      'busybox',
      'sleep',
      '900',
    ];
    await daemon.ok(...command);
    await daemon.ok('update', '--pids-limit', '-1', 'few');
    // The most that the kernel can have at all.
    const file = 'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null';
    assert.equal((await daemon.docker('exec', 'few', 'sh', '-c', file)).stdout, '4194304\n');
    assert.equal(await daemon.ok('inspect', '-f', '{{.HostConfig.PidsLimit}}', 'few'), '0');
  });
});
