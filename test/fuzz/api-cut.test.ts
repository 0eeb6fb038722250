import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { busyboxTar } from '../support/busybox.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';

describe('a request that is cut off', () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  const post = (path: string, body: Buffer | string, type = 'application/json'): Buffer =>
    Buffer.concat([
      Buffer.from(
        `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`,
      ),
      Buffer.from(body),
    ]);

  const made: [what: string, request: Buffer, list: string, name: RegExp][] = [
    [
      'a container',
      post('/v1.51/containers/create?name=cut', '{"Image":"busybox","HostConfig":{"NetworkMode":"none"}}'),
      '/containers/json?all=1',
      /"\/cut"/,
    ],
    ['a network', post('/v1.51/networks/create', '{"Name":"cut"}'), '/networks', /"Name":"cut"/],
    ['a volume', post('/v1.51/volumes/create', '{"Name":"cut"}'), '/volumes', /"Name":"cut"/],
  ];
  for (const [what, request, list, name] of made)
    it(`at any byte makes no part of ${what}, and the whole makes it`, async () => {
      for (let length = 0; length < request.length; length += 1)
        await sendCut(daemon, request.subarray(0, length));
      assert.doesNotMatch((await daemon.api('GET', list)).text, name);
      await sendWhole(daemon, request);
      assert.match((await daemon.api('GET', list)).text, name);
    });

  it('while it brings an image, an archive or a context, leaves nothing of it', async () => {
    await daemon.ok('run', '-d', '--name', 'box', '--network', 'none', 'busybox', 'sleep', '1000');
    const tar = await busyboxTar();
    const before = await contents(daemon);
    const requests = [
      post('/v1.51/images/create?fromSrc=-&repo=cut', tar, 'application/x-tar'),
      post('/v1.51/build?t=cut', tar, 'application/x-tar'),
      post('/v1.51/images/load', tar, 'application/x-tar'),
    ];
    for (const request of requests)
      for (let part = 1; part < 8; part += 1)
        await sendCut(daemon, request.subarray(0, Math.floor((request.length * part) / 8)));
    assert.deepEqual(await contents(daemon), before);
    await daemon.ok('rm', '-f', 'box');
  });
});

/** Sends the bytes, ends, and waits until the daemon has closed its side too. */
async function sendCut(daemon: TestDaemon, bytes: Buffer): Promise<void> {
  await exchange(daemon, (socket) => socket.end(bytes));
}

/** The daemon closes the connection after its answer. */
async function sendWhole(daemon: TestDaemon, bytes: Buffer): Promise<void> {
  await exchange(daemon, (socket) => socket.write(bytes));
}

async function exchange(daemon: TestDaemon, send: (socket: Socket) => unknown): Promise<void> {
  const socket = connect(daemon.socket);
  socket.on('error', () => socket.destroy());
  socket.resume();
  const closed = once(socket, 'close');
  send(socket);
  await closed;
}

async function contents(daemon: TestDaemon): Promise<string[]> {
  const ids = async (path: string): Promise<string[]> =>
    [...(await daemon.api('GET', path)).text.matchAll(/"Id":"([^"]+)"/g)]
      .map((match) => match[1] ?? '')
      .sort();
  return [...(await ids('/images/json?all=1')), ...(await ids('/containers/json?all=1'))];
}
