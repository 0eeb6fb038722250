import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { test } from 'node:test';
import { HttpMetricSource } from './http-metric-source.ts';

const source = new HttpMetricSource();

async function reading(listener: RequestListener, timeout = 5000, signal = new AbortController().signal) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  try {
    return await source.read({ address: '127.0.0.1', port: address.port, path: '/metrics' }, timeout, signal);
  } finally {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }
}

test('the text is read, and asked for in the format that is understood', async () => {
  const text = await reading((asked, answer) =>
    answer.end(`${asked.url ?? ''} ${asked.headers.accept ?? ''}`),
  );
  assert.equal(text, '/metrics text/plain;version=0.0.4');
});

test('what is no answer is an error that says so', async () => {
  const failing = (listener: RequestListener, message: RegExp, timeout?: number): Promise<void> =>
    assert.rejects(reading(listener, timeout), { code: 'metrics-unreadable', message });
  await failing((_, answer) => answer.writeHead(404).end(), /it answers with status 404$/);
  await failing((asked) => asked.socket.destroy(), /socket hang up$/);
  await failing(() => undefined, /no answer within 50 ms$/, 50);
  await failing((_, answer) => answer.write('a 1\n'), /no answer within 50 ms$/, 50);
  await failing((_, answer) => answer.end('x'.repeat(4 * 1024 * 1024 + 1)), /more than 4 MiB$/);
});

test('an end from outside is told as it is', async () => {
  const end = new AbortController();
  const reason = new Error('the daemon ends');
  await assert.rejects(
    reading(() => end.abort(reason), 5000, end.signal),
    reason,
  );
});
