import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { SocketPortReserver } from '#adapters/ports/port-reserver.ts';
import { becomePrivateHost } from '../support/private-host.ts';

becomePrivateHost();

/** Whether a server can listen there: undefined, or the error's code. */
function listen(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
}

test('a held port is taken for other programs until it is released', async () => {
  const ports = new SocketPortReserver();
  const port = await ports.reserve('tcp', '', 0);
  assert.ok(port > 1023);
  assert.equal(await listen('0.0.0.0', port), 'EADDRINUSE');
  assert.equal(await listen('127.0.0.1', port), 'EADDRINUSE');
  assert.equal(await ports.reserve('udp', '', port), port, 'another protocol is another port');
  ports.release('tcp', '', port);
  ports.release('tcp', '', port);
  assert.equal(await listen('0.0.0.0', port), undefined);
  ports.close();
});

test('the message says who has the port: a container of ours or another program', async (t) => {
  const ports = new SocketPortReserver();
  t.after(() => ports.close());
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(8080, '127.0.0.1', () => resolve()));
  t.after(() => server.close());
  await assert.rejects(ports.reserve('tcp', '', 8080), {
    code: 'port-taken',
    kind: 'conflict',
    message: 'failed to bind host port for 0.0.0.0:8080: address already in use',
  });
  await ports.reserve('tcp', '127.0.0.1', 8081);
  for (const ip of ['127.0.0.1', '0.0.0.0'])
    await assert.rejects(ports.reserve('tcp', ip, 8081), {
      code: 'port-taken',
      message: `Bind for ${ip}:8081 failed: port is already allocated`,
    });
});

test('an address that the host does not have and one that is none are refused with the value', async () => {
  const ports = new SocketPortReserver();
  await assert.rejects(ports.reserve('tcp', '203.0.113.7', 80), {
    code: 'address-not-available',
    message: /203\.0\.113\.7:80/,
  });
  await assert.rejects(ports.reserve('tcp', 'localhost', 80), {
    code: 'address-invalid',
    message: /'localhost'/,
  });
});

test('what comes to a relayed port is passed on both ways, to another target when told, until the port is released', async (t) => {
  const ports = new SocketPortReserver();
  t.after(() => ports.close());
  const echo = async (prefix: string): Promise<number> => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.write(prefix);
      socket.pipe(socket);
    });
    t.after(() => server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    return address.port;
  };
  const [one, two] = [await echo('one '), await echo('two ')];
  const port = await ports.reserve('tcp', '::1', 0);
  const sockets = countSockets();
  const sent = 'x'.repeat(1_000_000);
  const call = async (): Promise<string> => {
    const socket = connect({ host: '::1', port });
    socket.end(sent);
    return text(socket);
  };
  ports.relay('tcp', '::1', port, { address: '127.0.0.1', port: one });
  assert.deepEqual(await Promise.all([call(), call()]), [`one ${sent}`, `one ${sent}`]);
  ports.relay('tcp', '::1', port, { address: '127.0.0.1', port: two });
  assert.equal(await call(), `two ${sent}`);
  const open = connect({ host: '::1', port });
  await once(open, 'data');
  const ended = once(open, 'close');
  ports.release('tcp', '::1', port);
  await ended;
  const refused = connect({ host: '::1', port });
  assert.match(String(await once(refused, 'error')), /ECONNREFUSED/);
  const deadline = Date.now() + 5000;
  while (countSockets() >= sockets) {
    assert.ok(Date.now() < deadline, 'sockets are left after 5 s');
    await setImmediate();
  }
});

function countSockets(): number {
  const links = readdirSync('/proc/self/fd').map((name) => targetOf(`/proc/self/fd/${name}`));
  return links.filter((link) => link.startsWith('socket:')).length;
}

/** '' for a descriptor that has been closed since. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}
