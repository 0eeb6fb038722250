import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

describe("a container's streams", () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  const background = (name: string, ...command: string[]): Promise<string> =>
    daemon.ok('run', '-d', '--network', 'none', '--name', name, 'busybox', ...command);

  it('are logged with their time, their end and without a last newline', async () => {
    await daemon.ok(
      'run',
      '--network',
      'none',
      '--name',
      'two',
      'busybox',
      'sh',
      '-c',
      'echo one; echo two >&2; printf three',
    );
    const { stdout, stderr } = await daemon.docker('logs', 'two');
    assert.deepEqual([stdout, stderr], ['one\nthree', 'two\n']);
    await daemon.ok('run', '--network', 'none', '--name', 'tailed', 'busybox', 'printf', 'one\\ntwo\\nthree');
    assert.equal(await daemon.ok('logs', '--tail', '2', 'tailed'), 'two\nthree');
    assert.match(await daemon.ok('logs', '-t', 'two'), /^\d{4}-\d\d-\d\dT[\d:.]+Z one\n/);
    assert.equal(await daemon.ok('logs', '--since', '2100-01-01T00:00:00Z', 'two'), '');
  });

  it('can be followed until the container ends', async () => {
    await background('steps', 'sh', '-c', 'for i in 1 2 3; do echo $i; sleep 0.1; done');
    assert.equal(await daemon.ok('logs', '-f', 'steps'), '1\n2\n3');
  });

  it('are framed unless there is a terminal', async () => {
    const { text } = await daemon.api('GET', '/containers/two/logs?stdout=1');
    assert.equal(text.slice(0, 12), '\u0001\0\0\0\0\0\0\u0004one\n');
    assert.equal((await daemon.api('GET', '/containers/two/logs')).status, 400);
  });

  it('refuse to be read when the log driver is none', async () => {
    await daemon.ok(
      'run',
      '--network',
      'none',
      '--name',
      'unlogged',
      '--log-driver',
      'none',
      'busybox',
      'echo',
      'x',
    );
    const { code, stderr } = await daemon.docker('logs', 'unlogged');
    assert.equal(code, 1);
    assert.match(stderr, /does not support reading/);
  });

  it('let several clients attach and detach', async () => {
    await daemon.ok(
      'run',
      '-dit',
      '--network',
      'none',
      '--name',
      'shared',
      'busybox',
      'sh',
      '-c',
      'while read line; do echo "<$line>"; done',
    );
    const path = '/containers/shared/attach?stream=1&stdin=1&stdout=1&stderr=1';
    const one = await attach(daemon, path);
    const two = await attach(daemon, path);
    one.write('hello\n');
    await Promise.all([one.until('<hello>'), two.until('<hello>')]);
    one.write('\u0010\u0011');
    await one.closed;
    two.write('again\n');
    await two.until('<again>');
    two.end();
    await daemon.ok('rm', '-f', 'shared');
  });

  it('replay what was written before', async () => {
    await background('early', 'sh', '-c', 'echo before; sleep 60');
    await daemon.ok('exec', 'early', 'true');
    while ((await daemon.ok('logs', 'early')) === '');
    const client = await attach(daemon, '/containers/early/attach?logs=1&stdout=1');
    await client.closed;
    assert.match(client.seen(), /before/);
  });

  it('resize the terminal', async () => {
    await daemon.ok(
      'run',
      '-dt',
      '--network',
      'none',
      '--name',
      'sized',
      'busybox',
      'sh',
      '-c',
      'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done',
    );
    while (!(await daemon.ok('logs', 'sized')).includes('ready'));
    assert.equal((await daemon.api('POST', '/containers/sized/resize?h=33&w=101')).status, 200);
    while (!(await daemon.ok('logs', 'sized')).includes('33 101'));
    assert.equal((await daemon.api('POST', '/containers/sized/resize?h=x&w=1')).status, 400);
    await daemon.ok('rm', '-f', 'sized');
  });

  it('run a terminal session through the docker client', async () => {
    const command =
      'docker run --rm -it --network none busybox sh -c "read line; echo got:$line; exit 6"'.replace(
        '$line',
        '\\$line',
      );
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...process.env, ...daemon.environment },
    });
    const seen: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
    child.stdin.write('typed\n');
    await once(child, 'close');
    assert.match(seen.join(''), /got:typed/);
    assert.equal(child.exitCode, 6);
  });
});

interface Client {
  write(text: string): void;
  end(): void;
  seen(): string;
  until(text: string): Promise<void>;
  closed: Promise<unknown>;
}

/** Hijacks a connection as Docker's clients do. */
async function attach(daemon: TestDaemon, path: string): Promise<Client> {
  const socket = connect(daemon.socket);
  let seen = '';
  const waiting: { text: string; resolve: () => void }[] = [];
  const look = (): void => {
    for (const wait of waiting) if (seen.includes(wait.text)) wait.resolve();
  };
  const until = (text: string): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ text, resolve });
      look();
    });
  socket.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
    look();
  });
  const closed = once(socket, 'end');
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n`,
  );
  await until('101 UPGRADED');
  return {
    write: (text) => void socket.write(text),
    end: () => void socket.end(),
    seen: () => seen,
    until,
    closed,
  };
}
