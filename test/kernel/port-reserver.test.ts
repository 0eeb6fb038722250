import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
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
