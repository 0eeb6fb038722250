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
    await daemon.ok(...background, '--rm', '--name', 'passing', 'busybox', 'sleep', '900');
    await daemon.ok(...background, '--restart', 'always', '--name', 'failing', 'busybox', 'false');
  });
  after(() => daemon[Symbol.asyncDispose]());

  const cases = (list: Case[]): void => {
    for (const [command, says, code = 1] of list)
      it(`docker ${command}`, async () => {
        const result = await daemon.docker(...command.split(' '));
        assert.match(result.stderr, says);
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

  describe('names', () => {
    cases([
      [
        'rename made up',
        /Error when allocating new name: Conflict\. The container name "\/up" is already in use/,
      ],
      ['rename made made', /Renaming a container with the same name as its current name/],
      ['rename made a~b', /Error when allocating new name: Invalid container name \(a~b\), only/],
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
    // The pauses double: by now one is far longer than a call takes.
    while (Number(await daemon.ok('inspect', '-f', '{{.RestartCount}}', 'failing')) < 4);
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
