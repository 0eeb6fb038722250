import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { SshHostAgents } from './ssh-host-agents.ts';

/** SSH_AGENTC_REQUEST_IDENTITIES, and what an agent answers first: its length, 12, the number of keys. */
const question = Buffer.from([0, 0, 0, 1, 11]);

test('an agent is started for keys in files, and is gone when it is closed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-ssh-'));
  try {
    const sockets = join(folder, 'sockets');
    const agents = new SshHostAgents(sockets);
    const keys = ['one', 'two'].map((name) => join(folder, name));
    for (const key of keys) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const agent = await agents.open(keys);
    const connection = agent.connect();
    connection.write(question);
    const chunks: Buffer[] = [];
    while (Buffer.concat(chunks).length < 9)
      chunks.push(...(await once(connection, 'data')).filter((each) => Buffer.isBuffer(each)));
    const answer = Buffer.concat(chunks);
    assert.deepEqual([answer[4], answer.readUInt32BE(5)], [12, 2]);
    const closed = once(connection, 'close');
    connection.resume();
    await agent.close();
    await closed;
    assert.deepEqual(readdirSync(sockets), []);
    await agent.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the agent behind a socket is taken as it is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-ssh-'));
  const path = join(folder, 'agent');
  const server = createServer((socket) => socket.end('an agent')).listen(path);
  try {
    await once(server, 'listening');
    const agents = new SshHostAgents(join(folder, 'sockets'));
    const agent = await agents.open([path]);
    assert.equal(await text(agent.connect()), 'an agent');
    await agent.close();
    assert.ok(existsSync(path));
    await assert.rejects(agents.open([path, path]), /behind one socket, or holds keys/);
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
});

test('what is not there, or no key, is refused, and leaves no agent', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-ssh-'));
  try {
    const sockets = join(folder, 'sockets');
    const agents = new SshHostAgents(sockets);
    const none = join(folder, 'none');
    await assert.rejects(agents.open([none]), {
      code: 'ssh-agent-missing',
      message: `no SSH agent or key is at ${none}`,
    });
    writeFileSync(none, 'no key', { mode: 0o600 });
    await assert.rejects(agents.open([none]), { code: 'ssh-key-invalid' });
    assert.deepEqual(readdirSync(sockets), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
