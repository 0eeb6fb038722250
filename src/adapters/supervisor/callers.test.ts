import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { callerOf } from './callers.ts';

async function callerAt(server: Server, dial: () => Socket): Promise<string> {
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = dial();
  const socket = await accepted;
  const caller = callerOf(socket);
  client.destroy();
  socket.destroy();
  server.close();
  return caller;
}

test('who comes by a unix socket is a user of this machine', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'callers-'));
  const path = join(folder, 'socket');
  const server = createServer().listen(path);
  await once(server, 'listening');
  assert.equal(await callerAt(server, () => connect(path)), userInfo().username);
  await rm(folder, { recursive: true });
});

test('who comes by TCP is an address', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = addressOf(server);
  assert.equal(await callerAt(server, () => connect(port, '127.0.0.1')), '127.0.0.1');
});

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address;
}
