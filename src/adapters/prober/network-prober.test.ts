import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createGrpcServer, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { test } from 'node:test';
import type { NetworkProbe } from '#domain/container/probe.ts';
import { NetworkProber } from './network-prober.ts';

const prober = new NetworkProber();

function look(action: NetworkProbe, timeout = 5000): Promise<{ success: boolean; output: string }> {
  return prober.look({ address: '127.0.0.1', action, timeout, signal: new AbortController().signal });
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: string | AddressInfo | null = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

test('an HTTP probe passes for 200 to 399 and sends its headers; the body of a failure is told', async () => {
  const server = createServer((request, response) => {
    const status = Number(request.headers['x-status']);
    response.writeHead(status, { location: '/elsewhere' }).end(`${request.url ?? ''} is ${status}`);
  });
  const port = await listening(server);
  const get = (status: number): Promise<{ success: boolean; output: string }> =>
    look({ kind: 'http', port, path: '/up?x=1', scheme: 'http', headers: [['X-Status', String(status)]] });
  assert.deepEqual(await get(200), { success: true, output: '200 OK' });
  assert.deepEqual(await get(302), { success: true, output: '302 Found' });
  assert.deepEqual(await get(503), {
    success: false,
    output: '503 Service Unavailable: /up?x=1 is 503',
  });
  server.close();
  await once(server, 'close');
});

test('a server that says nothing is given up after the timeout, with nothing left open', async () => {
  const server = createTcpServer((socket) => socket.resume());
  const port = await listening(server);
  const http: NetworkProbe = { kind: 'http', port, path: '/', scheme: 'http', headers: [] };
  assert.deepEqual(await look(http, 50), { success: false, output: 'no answer within 50 ms' });
  const grpc = { kind: 'grpc', port, service: '' } as const;
  assert.deepEqual(await look(grpc, 50), { success: false, output: 'no answer within 50 ms' });
  server.close();
  await once(server, 'close');
});

test('a TCP probe passes when a connection comes about', async () => {
  const server = createTcpServer((socket) => socket.resume());
  const port = await listening(server);
  assert.deepEqual(await look({ kind: 'tcp', port }), { success: true, output: `connected to port ${port}` });
  server.close();
  await once(server, 'close');
  const { success, output } = await look({ kind: 'tcp', port });
  assert.equal(success, false);
  assert.match(output, /ECONNREFUSED/);
});

test('a gRPC probe passes when the service says that it is serving', async () => {
  const server = createGrpcServer();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    assert.equal(headers[':path'], '/grpc.health.v1.Health/Check');
    stream.once('data', (message: Buffer) => {
      const service = message.subarray(7).toString();
      const long = [...new Uint8Array(2000)];
      const known: Record<string, number[]> = {
        long,
        '': [8, 1],
        shop: [8, 1],
        draining: [8, 2],
        unknown: [],
      };
      const status = known[service];
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () =>
        stream.sendTrailers({
          'grpc-status': status === undefined ? '5' : '0',
          'grpc-message': 'unheard of',
        }),
      );
      stream.end(status === undefined ? '' : Buffer.from([0, 0, 0, 0, status.length, ...status]));
    });
  });
  const port = await listening(server);
  const ask = (service: string): Promise<{ success: boolean; output: string }> =>
    look({ kind: 'grpc', port, service });
  assert.deepEqual(await ask(''), { success: true, output: 'SERVING' });
  assert.deepEqual(await ask('shop'), { success: true, output: 'SERVING' });
  assert.deepEqual(await ask('draining'), { success: false, output: 'NOT_SERVING' });
  assert.deepEqual(await ask('unknown'), { success: false, output: 'UNKNOWN' });
  assert.deepEqual(await ask('other'), { success: false, output: 'gRPC status 5: unheard of' });
  assert.deepEqual(await ask('long'), {
    success: false,
    output: 'the answer is longer than that of a health check',
  });
  server.close();
  await once(server, 'close');
});
