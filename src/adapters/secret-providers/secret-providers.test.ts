import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ExecProvider } from '#domain/secret/provider.ts';
import { HostSecretProviders } from './secret-providers.ts';

const providers = new HostSecretProviders();
const shell = (script: string, timeout = 10): ExecProvider => ({
  kind: 'exec',
  command: ['sh', '-c', script],
  timeout,
});
const text = (value: Uint8Array): string => Buffer.from(value).toString();

test('a program gives what it prints, without the newline at its end', async () => {
  assert.equal(text(await providers.exec(shell('echo word'))), 'word');
  assert.equal(text(await providers.exec(shell('printf "two\\nlines\\n\\n"'))), 'two\nlines\n');
});

test('a program that fails, hangs, is not there or prints too much is said, without what it printed', async () => {
  const wrong: [ExecProvider, RegExp][] = [
    [shell('echo hidden; echo hidden >&2; exit 3'), /'sh': it ended with 3$/],
    [shell('echo hidden; sleep 60; echo', 0.2), /it did not end within 0\.2 s$/],
    [{ kind: 'exec', command: ['/no/such/program'], timeout: 1 }, /ENOENT/],
    [shell('head -c 2000000 /dev/zero'), /it printed more than 1048576 bytes/],
  ];
  for (const [provider, message] of wrong)
    await assert.rejects(providers.exec(provider), (error: Error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /hidden/);
      return true;
    });
});

test('who took the pipe out of the group is not waited for', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-provider-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'pid');
  const given = providers.exec(shell(`setsid sleep 60 & echo $! > ${file}; sleep 60`, 0.5));
  await assert.rejects(given, /it did not end within 0\.5 s$/);
  // It would have ended by itself only after a minute.
  process.kill(Number(await readFile(file, 'utf8')), 'SIGKILL');
});

/** A server that knows one secret, as KV v2 answers. */
async function vault() {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    if (request.headers['x-vault-token'] !== 'good') return response.writeHead(403).end('hidden');
    if (request.url === '/v1/secret/data/slow') return undefined;
    if (request.url === '/v1/secret/data/endless') return response.end(Buffer.alloc(3 * 1024 * 1024));
    if (request.url === '/v1/secret/data/stalls') return response.write('{');
    if (request.url !== '/v1/secret/data/shop/db') return response.writeHead(404).end('hidden');
    const data = { data: { password: 'from the vault', number: 1 }, metadata: { version: 3 } };
    return response.end(JSON.stringify({ request_id: 'x', data }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

test('a field of a key-value store is read with a token', async () => {
  await using server = await vault();
  const at = {
    kind: 'vault',
    url: server.url,
    path: 'secret/shop/db',
    field: 'password',
    timeout: 5,
  } as const;
  assert.equal(text(await providers.vault(at, 'good')), 'from the vault');
  const wrong = [
    [at, 'bad', /'secret\/shop\/db' of http.*: the token is not allowed to read it \(403\)/],
    [{ ...at, path: 'secret/none' }, 'good', /there is no such secret \(404\)/],
    [{ ...at, field: 'user' }, 'good', /it has no field 'user' that is a text/],
    [{ ...at, field: 'number' }, 'good', /it has no field 'number' that is a text/],
    [{ ...at, path: 'secret/slow', timeout: 0.1 }, 'good', /no answer within 0\.1 s/],
    [{ ...at, path: 'secret/endless' }, 'good', /its answer has more than 2097152 bytes/],
    [{ ...at, path: 'secret/stalls', timeout: 0.1 }, 'good', /no answer within 0\.1 s/],
    [{ ...at, url: 'http://127.0.0.1:1' }, 'good', /ECONNREFUSED|bad port/],
  ] as const;
  for (const [provider, token, message] of wrong)
    await assert.rejects(providers.vault(provider, token), (error: Error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /hidden|from the vault|good|\bbad\b(?! port)/);
      return true;
    });
});
