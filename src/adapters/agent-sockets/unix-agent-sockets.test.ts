import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { UnixAgentSockets } from './unix-agent-sockets.ts';

/** An agent that says back what it is told, in capitals. */
function shouting(): Duplex {
  return new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      this.push(chunk.toString().toUpperCase());
      done();
    },
  });
}

test('each connection reaches the agent, and all end with the socket', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'berth-agents-')), 'agents');
  try {
    const { uid, gid } = statSync(tmpdir());
    const sockets = new UnixAgentSockets(folder);
    const socket = await sockets.open('0123456789abcdef0123', { uid, gid, mode: 0o600 }, shouting);
    assert.equal(statSync(socket.path).mode & 0o777, 0o600);
    const client = connect(socket.path);
    const answer = new Promise<string>((resolve) => {
      client.once('data', (chunk) => resolve(String(chunk)));
    });
    client.write('hello');
    assert.equal(await answer, 'HELLO');
    const closed = once(client, 'close');
    await socket.close();
    await closed;
    assert.equal(existsSync(socket.path), false);
    await socket.close();
  } finally {
    rmSync(join(folder, '..'), { recursive: true });
  }
});
