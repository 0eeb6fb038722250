import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

describe("a client's input", () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  it('may end before the container starts', async () => {
    const { code, stdout } = await daemon.docker(
      'run',
      '--rm',
      '-i',
      '--network',
      'none',
      'busybox',
      'wc',
      '-c',
    );
    assert.deepEqual([code, stdout], [0, '0\n']);
  });

  it('may end before an exec starts', async () => {
    await daemon.ok('run', '-d', '--network', 'none', '--name', 'host', 'busybox', 'sleep', '1000');
    const { code, stdout } = await daemon.docker('exec', '-i', 'host', 'wc', '-c');
    assert.deepEqual([code, stdout], [0, '0\n']);
  });

  it('costs no output when the process ends without having read it', async () => {
    const words = ['run', '--rm', '-i', '--network', 'none', 'busybox', 'echo', 'unread'];
    for (let round = 0; round < 20; round++)
      assert.equal(await daemon.ok(...words, { input: 'x\n' }), 'unread', `round ${round}`);
  });
});
