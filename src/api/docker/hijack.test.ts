import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { pino } from 'pino';
import { createServer } from '#api/server.ts';

const body = '{"size":4}';
const head = [
  'POST /boxes/one/attach HTTP/1.1',
  'Host: x',
  'Content-Type: application/json',
  `Content-Length: ${body.length}`,
  'Connection: Upgrade',
  'Upgrade: tcp',
  '\r\n',
].join('\r\n');

// The docker client sends a request's head and its body by two writes.
test('a body that comes after the head of a request with Upgrade headers is read before the stream', async () => {
  await using stack = new AsyncDisposableStack();
  const server = await createServer({
    log: pino({ level: 'silent' }),
    version: '1.2.3',
    routes: (_app, hijack) =>
      hijack.post('/boxes/:id/attach', async (request, connection) => {
        const stream = connection.accept('application/octet-stream');
        stream.write(`${JSON.stringify(request.body)} `);
        stream.pipe(stream);
        await once(stream, 'end');
      }),
  });
  stack.defer(() => server.stop(100));
  const { port } = new URL(await server.app.listen({ host: '127.0.0.1', port: 0 }));
  const client = connect({ port: Number(port), host: '127.0.0.1' });
  const upgrade = once(server.app.server, 'upgrade');
  client.write(head);
  await upgrade;
  client.write(`${body}first `);
  client.end('last');
  assert.match(await text(client), /^HTTP\/1.1 101 UPGRADED\r\n[^]*\r\n\r\n\{"size":4\} first last$/);
});
