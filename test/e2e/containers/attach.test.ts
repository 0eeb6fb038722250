import { after, before, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

describe('attaching to a container', () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
  });
  after(() => daemon[Symbol.asyncDispose]());

  const background = (name: string, script: string, ...options: string[]): Promise<string> =>
    daemon.ok('run', '-d', '--network', 'none', '--name', name, ...options, 'busybox', 'sh', '-c', script);

  it('with the past and the present gives every line once, while the container writes', async () => {
    await background('counter', 'i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo $i; done; read x', '-i');
    const attached = Array.from({ length: 4 }, () =>
      hijack(daemon, '/containers/counter/attach?logs=1&stream=1&stdin=1&stdout=1&stderr=1'),
    );
    const clients = await Promise.all(attached);
    await Promise.all(clients.map((client) => client.until('\n4000\n')));
    clients[0]?.write('done\n');
    await Promise.all(clients.map((client) => client.closed));
    const expected = Array.from({ length: 4000 }, (_, i) => `${i + 1}\n`).join('');
    for (const client of clients) assert.equal(client.output(), expected);
  });

  it('by WebSocket carries input and output, and the end of the container closes it', async () => {
    await background('echoing', 'while read line; do echo "<$line>"; done; echo end >&2', '-i');
    const socket = await webSocket(daemon, '/v1.51/containers/echoing/attach/ws?stream=1&stdin=1&stdout=1');
    socket.send('hello\n');
    const [first] = await messages(socket);
    assert.equal(first, '<hello>\n');
    const closed = once(socket, 'close');
    await daemon.ok('rm', '-f', 'echoing');
    await closed;
  });

  it('by WebSocket has all streams before version 1.42, and the past when asked for', async () => {
    await daemon.ok('run', '--network', 'none', '--name', 'spoken', 'busybox', 'echo', 'said before');
    const socket = new WebSocket(`ws+unix://${daemon.socket}:/v1.41/containers/spoken/attach/ws?logs=1`);
    const seen: string[] = [];
    socket.on('message', (data: Buffer) => seen.push(data.toString()));
    await once(socket, 'close');
    assert.equal(seen.join(''), 'said before\n');
  });

  it('by WebSocket has frames of text before version 1.28, of bytes since', async () => {
    await daemon.ok('run', '--network', 'none', '--name', 'framed', 'busybox', 'printf', '\\377');
    for (const [version, binary] of [
      ['1.27', false],
      ['1.28', true],
    ] as const) {
      const url = `ws+unix://${daemon.socket}:/v${version}/containers/framed/attach/ws?logs=1`;
      const socket = new WebSocket(url, { skipUTF8Validation: true });
      const heard: unknown[] = await once(socket, 'message');
      assert.deepEqual(heard, [Buffer.from([0xff]), binary]);
      socket.terminate();
    }
  });

  it('by WebSocket answers a request that is no handshake with 400, a missing container with 404', async () => {
    assert.equal((await daemon.api('GET', '/containers/spoken/attach/ws?stream=1')).status, 400);
    assert.equal((await daemon.api('GET', '/containers/nobody/attach/ws?stream=1')).status, 404);
  });

  it('tells of the detach keys by an event, of exec too', async () => {
    const since = Math.floor(Date.now() / 1000);
    await background('left', 'cat', '-it');
    const client = await hijack(daemon, '/containers/left/attach?stream=1&stdin=1&stdout=1&detachKeys=x,y');
    client.write('xy');
    await client.closed;
    const made = await daemon.api('POST', '/containers/left/exec', {
      Cmd: ['cat'],
      Tty: true,
      AttachStdin: true,
      AttachStdout: true,
      DetachKeys: 'x,y',
    });
    const id = /"Id":"(\w+)"/.exec(made.text)?.[1] ?? '';
    const exec = await hijack(daemon, `/exec/${id}/start`, '{"Tty":true}');
    exec.write('xy');
    await exec.closed;
    const { text } = await daemon.api(
      'GET',
      `/events?since=${since}&until=${Math.ceil(Date.now() / 1000) + 1}`,
    );
    assert.match(text, /"Action":"detach"/);
    assert.match(text, new RegExp(`"Action":"exec_detach".*"execID":"${id}"`));
    assert.match((await daemon.api('GET', `/exec/${id}/json`)).text, /"Running":true/);
    await daemon.ok('rm', '-f', 'left');
  });

  it("takes the size of an exec's terminal before it starts", async () => {
    await background('sized', 'sleep 1000');
    const made = await daemon.api('POST', '/containers/sized/exec', {
      Cmd: ['sh', '-c', 'until [ "$(stty size)" = "31 99" ]; do :; done; echo it is'],
      Tty: true,
      AttachStdout: true,
    });
    const id = /"Id":"(\w+)"/.exec(made.text)?.[1] ?? '';
    assert.equal((await daemon.api('POST', `/exec/${id}/resize?h=31&w=99`)).status, 200);
    const exec = await hijack(daemon, `/exec/${id}/start`, '{"Tty":true}');
    await exec.closed;
    assert.match(exec.output(), /it is/);
    assert.equal((await daemon.api('POST', '/containers/counter/resize?h=31&w=99')).status, 409);
    await daemon.ok('rm', '-f', 'sized');
  });
});

interface Client {
  write(text: string): void;
  /** What came, without the answer's head and without frames. */
  output(): string;
  until(text: string): Promise<void>;
  closed: Promise<unknown>;
}

async function hijack(daemon: TestDaemon, path: string, body = ''): Promise<Client> {
  const socket = connect(daemon.socket);
  const chunks: Buffer[] = [];
  let wake = Promise.withResolvers<void>();
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    wake.resolve();
    wake = Promise.withResolvers<void>();
  });
  const closed = once(socket, 'end').finally(() => wake.resolve());
  const output = (): string => {
    const all = Buffer.concat(chunks);
    const head = all.indexOf('\r\n\r\n') + 4;
    return all.includes('multiplexed') ? unframed(all.subarray(head)) : all.toString('utf8', head);
  };
  const until = async (text: string): Promise<void> => {
    while (!Buffer.concat(chunks).includes('101 UPGRADED') || !output().includes(text)) await wake.promise;
  };
  socket.write(
    `POST /v1.51${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await until('');
  return { write: (text) => void socket.write(text), output, until, closed };
}

/** The bytes of complete frames. */
function unframed(data: Buffer): string {
  const parts: Buffer[] = [];
  let at = 0;
  while (at + 8 <= data.length) {
    const length = data.readUInt32BE(at + 4);
    parts.push(data.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts).toString();
}

async function webSocket(daemon: TestDaemon, path: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws+unix://${daemon.socket}:${path}`);
  await once(socket, 'open');
  return socket;
}

async function messages(socket: WebSocket): Promise<string[]> {
  const heard: unknown[] = await once(socket, 'message');
  return heard.map(String);
}
