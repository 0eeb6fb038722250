import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { Type } from 'typebox';
import { pino } from 'pino';
import { conflict, notFound } from '#base/errors.ts';
import type { Hijack } from '#api/docker/hijack.ts';
import { createServer } from '#api/server.ts';
import { linesOf, sendJsonLines, uploadOf } from '#api/streams.ts';
import type { Doors } from '#api/doors.ts';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';

type Routes = (app: FastifyInstance, hijack: Hijack) => void;

async function serve(
  routes: Routes,
  log: FastifyBaseLogger = pino({ level: 'silent' }),
): Promise<AsyncDisposable & { app: FastifyInstance; doors: Doors; port: number }> {
  const server = await createServer({ log, version: '1.2.3', routes });
  const address = new URL(await server.app.listen({ host: '127.0.0.1', port: 0 }));
  return {
    app: server.app,
    doors: server.doors,
    port: Number(address.port),
    [Symbol.asyncDispose]: () => server.stop(100),
  };
}

async function raw(
  port: number,
  ...parts: string[]
): Promise<{ socket: Socket; text: () => Promise<string> }> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: false });
  await once(socket, 'connect');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = once(socket, 'close');
  for (const part of parts) socket.write(part);
  return {
    socket,
    text: async () => {
      await ended;
      return Buffer.concat(chunks).toString();
    },
  };
}

const ping: Routes = (app) => void app.get('/hello', (request) => ({ version: request.apiVersion }));

test('a version prefix is taken off, negotiated and refused in the words of Docker when it is not served', async () => {
  await using server = await serve(ping);
  const get = async (url: string): Promise<[number, string]> => {
    const reply = await server.app.inject(url);
    return [reply.statusCode, reply.body];
  };
  assert.deepEqual(await get('/v1.40/hello'), [200, '{"version":"1.40"}\n']);
  assert.deepEqual(await get('/hello'), [200, '{"version":"1.51"}\n']);
  const [newer, newerText] = await get('/v1.99/hello');
  assert.equal(newer, 400);
  assert.match(newerText, /client version 1.99 is too new. Maximum supported API version is 1.51/);
  const [older, olderText] = await get('/v1.9/hello');
  assert.equal(older, 400);
  assert.match(olderText, /client version 1.9 is too old. Minimum supported API version is 1.22/);
});

test('every answer carries the headers by which clients know an engine, errors too', async () => {
  await using server = await serve(ping);
  for (const url of ['/hello', '/v1.51/nothing', '/v1.99/hello']) {
    const { headers } = await server.app.inject(url);
    assert.equal(headers['api-version'], '1.51', url);
    assert.equal(headers['ostype'], 'linux');
    assert.equal(headers['docker-experimental'], 'false');
    assert.equal(headers['server'], 'Berth/1.2.3 (linux)');
  }
});

test('an unknown page is answered as Docker does', async () => {
  await using server = await serve(ping);
  const reply = await server.app.inject('/v1.51/nothing');
  assert.equal(reply.statusCode, 404);
  assert.equal(reply.body, '{"message":"page not found"}\n');
  assert.equal(reply.headers['content-type'], 'application/json');
});

test('errors keep their kind as status, and an unexpected one tells no stack', async () => {
  await using server = await serve((app) => {
    app.get('/conflict', () => {
      throw conflict('in-use', 'volume is in use', { hint: 'remove the container' });
    });
    app.get('/berth/v1/conflict', () => {
      throw conflict('in-use', 'volume is in use', { hint: 'remove the container' });
    });
    app.get('/bug', () => {
      throw new TypeError('boom');
    });
  });
  const known = await server.app.inject('/conflict');
  assert.equal(known.statusCode, 409);
  assert.equal(known.body, '{"message":"volume is in use"}\n');
  assert.equal(known.headers['berth-error-code'], 'in-use');
  const own = await server.app.inject('/berth/v1/conflict');
  assert.deepEqual(own.json(), {
    message: 'volume is in use',
    code: 'in-use',
    hint: 'remove the container',
  });
  const bug = await server.app.inject('/bug');
  assert.equal(bug.statusCode, 500);
  assert.deepEqual(bug.json(), { message: 'boom' });
  assert.equal(bug.headers['berth-error-code'], 'internal');
});

test('a path that is no URL is refused with a message, and a parameter given twice counts with its first value', async () => {
  await using server = await serve((app) => {
    app.get('/things/:id', (request) => request.query);
    app.get('/many', { config: { repeats: true } }, (request) => request.query);
  });
  const bad = await server.app.inject('/things/%zz');
  assert.equal(bad.statusCode, 400);
  assert.match(bad.body, /^\{"message":"[^"]*%zz[^"]*"\}\n$/);
  assert.equal((await server.app.inject('/things/a?x=1&x=2')).body, '{"x":"1"}\n');
  assert.equal((await server.app.inject('/many?x=1&x=2')).body, '{"x":["1","2"]}\n');
});

test('bytes that are no request are answered with an error of the usual shape', async () => {
  await using server = await serve(ping);
  const client = await raw(
    server.port,
    'GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\nno header\r\n\r\n',
  );
  assert.match(
    await client.text(),
    /^HTTP\/1.1 400 Bad Request\r\n[^]*\r\n\r\n\{"message":"bad request"\}\n$/,
  );
});

test('a further door answers bytes that are no request alike', async () => {
  await using server = await serve(ping);
  const { server: door } = server.doors.open({});
  door.listen(0, '127.0.0.1');
  await once(door, 'listening');
  const address = door.address();
  assert.ok(address !== null && typeof address !== 'string');
  const client = await raw(address.port, 'no request at all\r\n\r\n');
  assert.match(await client.text(), /\r\n\r\n\{"message":"bad request"\}\n$/);
});

test('a client that leaves while it sends is told of in one line, what fails otherwise as an error', async () => {
  const lines: string[] = [];
  const written = Promise.withResolvers<void>();
  const write = (line: string): void => {
    if (line.includes('Server listening')) return;
    lines.push(line);
    written.resolve();
  };
  const log = pino({}, { write });
  await using server = await serve((app) => {
    app.post('/upload', async (request) => {
      for await (const chunk of uploadOf(request)) assert.ok(chunk);
    });
  }, log);
  const client = await raw(
    server.port,
    'POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nbegun',
  );
  client.socket.destroy();
  await written.promise;
  assert.match(
    lines.join(''),
    /"level":30,.*"path":"\/upload","msg":"a client left before its request was answered"/,
  );
  assert.ok(!lines.join('').includes('stack'));
});

test('bodies are refused by field name, by content type and by syntax', async () => {
  await using server = await serve((app) => {
    const body = Type.Object({
      Name: Type.String(),
      Driver: Type.Optional(Type.Object({ Size: Type.Number() })),
    });
    app.post('/things', { schema: { body } }, () => ({}));
  });
  const post = async (payload: string, type = 'application/json'): Promise<[number, string]> => {
    const reply = await server.app.inject({
      method: 'POST',
      url: '/things',
      payload,
      headers: { 'content-type': type },
    });
    const answer: { message?: string } = reply.json();
    return [reply.statusCode, answer.message ?? ''];
  };
  assert.deepEqual(await post('{"Name":"a"}'), [200, '']);
  assert.match((await post('{"Name":'))[1], /invalid JSON in the request's body/);
  assert.match((await post('{"Name":5}'))[1], /body field 'Name': must be string/);
  assert.match(
    (await post('{"Name":"a","Driver":{"Size":"1"}}'))[1],
    /body field 'Driver.Size': must be number/,
  );
  assert.match((await post('{}'))[1], /body field 'Name'/);
  assert.match((await post('Name=a', 'text/plain'))[1], /unsupported Content-Type header \(text\/plain\)/);
  assert.equal((await post('x', 'text/plain'))[0], 400);
});

const echo: Routes = (_app, hijack) => {
  hijack.post('/boxes/:id/attach', async ({ params, query, body }, connection) => {
    if (params['id'] === 'missing') throw notFound('box-missing', 'No such box: missing');
    if (params['id'] === 'detached') return;
    const stream = connection.accept('application/x-raw');
    stream.write(`${String(params['id'])} ${String(query['stream'])} ${JSON.stringify(body)};`);
    stream.on('data', (chunk: Buffer) => stream.write(chunk.toString().toUpperCase()));
    await once(stream, 'end');
    stream.end('bye');
  });
};

const body = '{"Tty":true}';
const post = (path: string, ...headers: string[]): string =>
  [
    `POST ${path} HTTP/1.1`,
    'Host: x',
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    ...headers,
  ].join('\r\n') + `\r\n\r\n${body}`;

for (const upgrade of [true, false])
  test(`a hijacked POST ${upgrade ? 'with' : 'without'} Upgrade headers gives body, stream and half close`, async () => {
    await using server = await serve(echo);
    const headers = upgrade ? ['Connection: Upgrade', 'Upgrade: tcp'] : [];
    const client = await raw(server.port, post('/v1.51/boxes/one/attach?stream=1', ...headers));
    await once(client.socket, 'data');
    client.socket.write('some input');
    client.socket.end(' and the end');
    const text = await client.text();
    const first = upgrade ? 'HTTP/1.1 101 UPGRADED' : 'HTTP/1.1 200 OK';
    assert.ok(text.startsWith(`${first}\r\nContent-Type: application/x-raw\r\n`), text);
    assert.equal(text.split('\r\n\r\n')[1], 'one 1 {"Tty":true};SOME INPUT AND THE ENDbye');
  });

test('input that comes in the same packet as an upgrading request is not lost', async () => {
  await using server = await serve(echo);
  const client = await raw(
    server.port,
    `${post('/boxes/one/attach', 'Connection: Upgrade', 'Upgrade: tcp')}early input`,
  );
  client.socket.end();
  assert.match(await client.text(), /EARLY INPUTbye$/);
});

for (const upgrade of [true, false])
  test(`an error before accept is a JSON answer, ${upgrade ? 'with' : 'without'} Upgrade headers`, async () => {
    await using server = await serve(echo);
    const headers = upgrade ? ['Connection: Upgrade', 'Upgrade: tcp'] : ['Connection: close'];
    const client = await raw(server.port, post('/v1.51/boxes/missing/attach', ...headers));
    const text = await client.text();
    assert.match(text, /^HTTP\/1.1 404 Not Found\r\n/);
    assert.match(text, /Api-Version: 1.51/i);
    assert.match(text, /"message":"No such box: missing"/);
  });

test('a hijack handler that does not accept answers 200 with nothing', async () => {
  await using server = await serve(echo);
  const client = await raw(
    server.port,
    post('/boxes/detached/attach', 'Connection: Upgrade', 'Upgrade: tcp'),
  );
  const text = await client.text();
  assert.match(text, /^HTTP\/1.1 200 OK\r\n/);
  assert.match(text, /Content-Length: 0\r\n/i);
});

test('Upgrade headers on an ordinary route are ignored', async () => {
  await using server = await serve(ping);
  const client = await raw(
    server.port,
    'GET /hello HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n',
  );
  assert.match(await client.text(), /^HTTP\/1.1 200 OK\r\n/);
});

test('an error inside a stream of JSON lines is the last line; before the first line it is the status', async () => {
  await using server = await serve((app) => {
    const fail = (after: number): AsyncIterable<object> =>
      linesOf<object>(async (write) => {
        for (let i = 0; i < after; i++) write({ i });
        await Promise.reject(notFound('layer-missing', 'no layer'));
      });
    app.get('/early', (_request, reply) => sendJsonLines(reply, fail(0)));
    app.get('/late', (_request, reply) => sendJsonLines(reply, fail(2)));
  });
  const early = await server.app.inject('/early');
  assert.equal(early.statusCode, 404);
  const late = await server.app.inject('/late');
  assert.equal(late.statusCode, 200);
  assert.equal(
    late.body,
    '{"i":0}\r\n{"i":1}\r\n{"errorDetail":{"message":"no layer"},"error":"no layer"}\r\n',
  );
});
