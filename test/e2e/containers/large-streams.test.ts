import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

const mebibyte = 1024 * 1024;
/** `npm run test:streams` sends 1 GiB. */
const size = Number(process.env['BERTH_STREAM_MIB'] ?? 64) * mebibyte;

describe('large streams', () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    await daemon.ok('run', '-d', '-i', '--name', 'box', '--network', 'none', 'busybox', 'sleep', '10000');
  });
  after(() => daemon[Symbol.asyncDispose]());

  it('go through docker exec cat and come back byte for byte', async (t) => {
    const child = spawn('docker', ['exec', '-i', 'box', 'cat'], {
      env: { ...process.env, ...daemon.environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const sent = createHash('sha256');
    const received = createHash('sha256');
    let length = 0;
    const began = performance.now();
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length;
      received.update(chunk);
    });
    const closed = once(child, 'close');
    for (const block of blocks()) {
      sent.update(block);
      if (!child.stdin.write(block)) await once(child.stdin, 'drain');
    }
    child.stdin.end();
    await closed;
    const seconds = (performance.now() - began) / 1000;
    t.diagnostic(`${(size / mebibyte / seconds).toFixed(0)} MiB/s each way`);
    assert.equal(length, size);
    assert.equal(received.digest('hex'), sent.digest('hex'));
    assert.equal(child.exitCode, 0);
  });

  it('that end while much of the output is still on its way lose nothing', async () => {
    const [first, second] = await Promise.all(
      ['one', 'two'].map((name) =>
        run(daemon, ['run', '--rm', '--name', name, '--network', 'none', 'busybox']),
      ),
    );
    assert.deepEqual([first, second], [size / 4, size / 4]);
  });

  it('that nobody reads do not grow the daemon, and are complete when they are read in the end', async () => {
    const { text } = await daemon.api('POST', '/containers/box/exec', {
      Cmd: ['dd', 'if=/dev/zero', 'bs=1M', `count=${size / mebibyte}`],
      AttachStdout: true,
    });
    const id = /"Id":"(\w+)"/.exec(text)?.[1] ?? '';
    const socket = await startExec(daemon, id);
    socket.pause();
    while (!(await daemon.api('GET', `/exec/${id}/json`)).text.includes('"Running":true'));
    const before = await daemon.rss();
    // Others are served meanwhile; the process waits in its write.
    for (let round = 0; round < 200; round += 1) await daemon.api('GET', '/containers/json');
    assert.match((await daemon.api('GET', `/exec/${id}/json`)).text, /"Running":true/);
    assert.ok(
      (await daemon.rss()) - before < 48 * mebibyte,
      'the daemon keeps what its client does not read',
    );
    let received = 0;
    socket.on('data', (chunk: Buffer) => (received += chunk.length));
    socket.resume();
    await once(socket, 'end');
    assert.ok(received > size, `${received} bytes of ${size} and their frames`);
  });

  it('whose client disappears in the middle do not stop the process or the daemon', async () => {
    const { text } = await daemon.api('POST', '/containers/box/exec', {
      Cmd: ['sh', '-c', `dd if=/dev/zero bs=1M count=${size / mebibyte}; touch /finished`],
      AttachStdout: true,
    });
    const id = /"Id":"(\w+)"/.exec(text)?.[1] ?? '';
    const socket = await startExec(daemon, id);
    await once(socket, 'data');
    socket.destroy();
    while (!(await daemon.api('GET', `/exec/${id}/json`)).text.includes('"Running":false'));
    assert.equal(await daemon.ok('exec', 'box', 'ls', '/finished'), '/finished');
  });
});

/** Blocks of data that a repeated or a missing one would not go unnoticed in. */
function* blocks(): Generator<Buffer> {
  const block = Buffer.alloc(mebibyte, 'the quick brown fox jumps over the lazy dog; ');
  for (let index = 0; index < size / mebibyte; index += 1) {
    const own = Buffer.from(block);
    own.writeUInt32BE(index, (index * 4099) % (mebibyte - 4));
    yield own;
  }
}

/** The bytes that `docker run` gave of a quarter of the size, written by a process that ends at once. */
async function run(daemon: TestDaemon, words: string[]): Promise<number> {
  const command = ['dd', 'if=/dev/zero', 'bs=64k', `count=${size / 4 / 65_536}`];
  const child = spawn('docker', [...words, ...command], {
    env: { ...process.env, ...daemon.environment },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let length = 0;
  child.stdout.on('data', (chunk: Buffer) => (length += chunk.length));
  await once(child, 'close');
  return length;
}

async function startExec(daemon: TestDaemon, id: string): Promise<Socket> {
  const socket = connect(daemon.socket);
  const body = '{"Detach":false}';
  socket.write(
    `POST /v1.51/exec/${id}/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await once(socket, 'data');
  return socket;
}
