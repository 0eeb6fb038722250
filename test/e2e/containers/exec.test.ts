import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

describe('docker exec', () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    await daemon.ok(
      'run',
      '-d',
      '--network',
      'none',
      '--name',
      'host',
      '-e',
      'A=1',
      'busybox',
      'sleep',
      '600',
    );
  });
  after(() => daemon[Symbol.asyncDispose]());

  it('passes output and exit code through', async () => {
    const result = await daemon.docker('exec', 'host', 'sh', '-c', 'echo out; echo err >&2; exit 9');
    assert.deepEqual(result, { code: 9, stdout: 'out\n', stderr: 'err\n' });
  });

  it('exits with 127 for a missing program and 126 for one that is not executable', async () => {
    assert.equal((await daemon.docker('exec', 'host', 'nosuch')).code, 127);
    assert.equal((await daemon.docker('exec', 'host', '/etc/passwd')).code, 126);
  });

  it('feeds stdin to its end and keeps every byte', async () => {
    const input = Buffer.alloc(2_000_000, 'some bytes ');
    const { stdout } = await daemon.docker('exec', '-i', 'host', 'cat', { input });
    assert.ok(stdout === input.toString(), `${stdout.length} of ${input.length} bytes came back`);
  });

  it('has user, folder and variables of its own', async () => {
    const shown = await daemon.ok(
      'exec',
      '-u',
      'nobody',
      '-w',
      '/tmp',
      '-e',
      'B=2',
      'host',
      'sh',
      '-c',
      'echo $(id -u) $PWD $A $B',
    );
    assert.equal(shown, '65534 /tmp 1 2');
  });

  it('runs in the background', async () => {
    await daemon.ok('exec', '-d', 'host', 'touch', '/tmp/done');
    while ((await daemon.ok('exec', 'host', 'ls', '/tmp')) !== 'done');
  });

  it('gives a terminal when asked for one', async () => {
    const { stdout } = await daemon.docker('exec', '-t', 'host', 'sh', '-c', 'test -t 1 && echo tty');
    assert.equal(stdout, 'tty\r\n');
  });

  it('can be inspected, and started only once', async () => {
    const created = await daemon.api('POST', '/containers/host/exec', {
      Cmd: ['sh', '-c', 'exit 3'],
      AttachStdout: true,
    });
    assert.equal(created.status, 201);
    const parse: (text: string) => { Id: string } = JSON.parse;
    const { Id } = parse(created.text);
    assert.equal((await daemon.api('POST', `/exec/${Id}/start`, { Detach: false, Tty: false })).status, 200);
    const shown: (text: string) => { ExitCode: number; Running: boolean; ContainerID: string } = JSON.parse;
    const { ExitCode, Running } = shown((await daemon.api('GET', `/exec/${Id}/json`)).text);
    assert.deepEqual([ExitCode, Running], [3, false]);
    assert.equal((await daemon.api('POST', `/exec/${Id}/start`, {})).status, 409);
    assert.equal((await daemon.api('GET', '/exec/nosuch/json')).status, 404);
  });

  it('is refused where nothing runs', async () => {
    await daemon.ok('create', '--name', 'idle', 'busybox', 'true');
    const { code, stderr } = await daemon.docker('exec', 'idle', 'true');
    assert.equal(code, 1);
    assert.match(stderr, /is not running/);
    assert.equal((await daemon.api('POST', '/containers/host/exec', { Cmd: [] })).status, 400);
  });
});
