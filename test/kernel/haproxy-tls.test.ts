import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type ClientHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { X509LocalAuthority } from '#adapters/certificates/local-authority.ts';
import { backendOf } from '#domain/ingress/build-table.ts';
import type { IngressRoute } from '#domain/ingress/model.ts';
import type { HostCertificate } from '#domain/ingress/table.ts';
import { askHttp, echoServer, openIngress, route } from '../support/ingress.ts';

const local = new X509LocalAuthority();
const authority = await local.create(Date.now());

async function certificate(host: string): Promise<HostCertificate> {
  return { host, pem: (await local.issue(authority, host, Date.now())).pem };
}

const secure = (changes: Partial<IngressRoute> = {}): IngressRoute => route({ tls: 'internal', ...changes });

function openTls(port: number, servername: string, ALPNProtocols: string[] = []): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    servername,
    ca: authority,
    rejectUnauthorized: false,
    ALPNProtocols,
  });
  socket.once('secureConnect', () => resolve(socket));
  socket.once('error', reject);
  return promise;
}

/** The serial number of what a host is offered, and whether the authority vouches for it. */
async function offered(port: number, servername: string): Promise<{ serial: string; trusted: boolean }> {
  const socket = await openTls(port, servername);
  const { serialNumber: serial } = socket.getPeerCertificate();
  const trusted = socket.authorized;
  socket.destroy();
  return { serial, trusted };
}

/** One request of HTTP/2. */
async function ask2(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  body = '',
): Promise<{ status: number; text: string; trailers: Record<string, unknown> }> {
  const stream = session.request(headers, { endStream: false });
  let [text, status] = ['', 0];
  let trailers: Record<string, unknown> = {};
  stream.on('response', (answer) => (status = Number(answer[':status'])));
  stream.on('trailers', (given) => (trailers = { ...given }));
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => (text += chunk));
  stream.end(body);
  await once(stream, 'end');
  return { status, text, trailers };
}

async function session2(port: number, host: string): Promise<ClientHttp2Session> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { servername: host, ca: authority });
  await once(session, 'connect');
  return session;
}

test('HTTPS speaks HTTP/2 and HTTP/1.1, plain HTTP leads to it, and HSTS asks for it', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  const { balancer, ports, table } = ingress;
  const wanted = route({ tls: 'internal', shape: { hsts: 3600 } });
  await balancer.setCertificate(await certificate(''));
  await balancer.setCertificate(await certificate('a.test'));
  await balancer.setServers(backendOf(wanted).name, [{ id: 's', address: '127.0.0.1', port: one.port }]);
  await balancer.apply(table(wanted));
  const session = await session2(ports.httpsPort, 'a.test');
  const answer = await ask2(session, { ':path': '/x', ':authority': `a.test:${ports.httpsPort}` });
  session.close();
  assert.equal(answer.status, 200);
  assert.match(answer.text, /"x-forwarded-proto":"https"/);
  const socket = await openTls(ports.httpsPort, 'a.test', ['http/1.1']);
  socket.write('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n');
  socket.setEncoding('utf8');
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  assert.match(text, /^HTTP\/1\.1 200 [\s\S]*strict-transport-security: max-age=3600/i);
  const to = `https://a.test${ports.httpsPort === 443 ? '' : `:${ports.httpsPort}`}/p?q`;
  const moved = await askHttp(ports.httpPort, { path: '/p?q' });
  assert.deepEqual([moved.status, moved.headers.location], [301, to]);
  const posted = await askHttp(ports.httpPort, { path: '/p?q', method: 'POST' });
  assert.deepEqual([posted.status, posted.headers.location], [308, to]);
});

test('certificates come, are renewed and go in the running process', async () => {
  await using ingress = await openIngress();
  const { balancer, ports, table, folder } = ingress;
  await balancer.setCertificate(await certificate(''));
  await balancer.setCertificate(await certificate('a.test'));
  await balancer.apply(table(secure()));
  const worker = await balancer.worker();
  const first = await offered(ports.httpsPort, 'a.test');
  assert.equal(first.trusted, true);
  await balancer.setCertificate(await certificate('a.test'));
  const second = await offered(ports.httpsPort, 'a.test');
  assert.notEqual(second.serial, first.serial);
  await balancer.setCertificate(await certificate('b.test'));
  await balancer.apply(table(secure(), secure({ host: 'b.test' })));
  assert.equal((await offered(ports.httpsPort, 'b.test')).trusted, true);
  await balancer.apply(table(secure()));
  assert.equal((await offered(ports.httpsPort, 'b.test')).trusted, false);
  // Its key is nowhere any more, and it can come back.
  assert.deepEqual((await readdir(join(folder, 'haproxy/certs'))).toSorted(), ['_any.pem', 'a.test.pem']);
  await balancer.setCertificate(await certificate('b.test'));
  await balancer.apply(table(secure(), secure({ host: 'b.test' })));
  assert.equal((await offered(ports.httpsPort, 'b.test')).trusted, true);
  assert.equal(await balancer.worker(), worker);
  assert.deepEqual(ingress.reports, []);
});

test('gRPC passes as HTTP/2 from end to end, with trailers, in both directions', async () => {
  await using ingress = await openIngress();
  const { balancer, ports, table } = ingress;
  const server = createHttp2Server();
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.pipe(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port }: Pick<AddressInfo, 'port'> = portOf(server.address());
  const wanted = route({ tls: 'internal', shape: { protocol: 'grpc' } });
  await balancer.setCertificate(await certificate(''));
  await balancer.setCertificate(await certificate('a.test'));
  await balancer.setServers(backendOf(wanted).name, [{ id: 's', address: '127.0.0.1', port }]);
  await balancer.apply(table(wanted));
  const session = await session2(ports.httpsPort, 'a.test');
  const headers = { ':method': 'POST', ':path': '/echo.Echo/Say', ':authority': 'a.test', te: 'trailers' };
  const answer = await ask2(session, { ...headers, 'content-type': 'application/grpc' }, 'message');
  assert.deepEqual([answer.status, answer.text, answer.trailers['grpc-status']], [200, 'message', '0']);
  const closed = once(session, 'close');
  session.close();
  await closed;
  server.close();
});

test('TLS is handed on by its host beside requests on the same port; bytes too when TLS ends here', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  const { balancer, ports, table } = ingress;
  const own = await certificate('own.test');
  const server = createTlsServer({ cert: own.pem, key: own.pem }, (socket) => socket.end('from the service'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = portOf(server.address());
  const passed = route({ host: 'own.test', tls: 'passthrough' });
  const wild = route({ host: '*.own.test', tls: 'passthrough' });
  await balancer.setCertificate(await certificate(''));
  await balancer.setCertificate(await certificate('a.test'));
  await balancer.setServers(backendOf(passed).name, [{ id: 's', address: '127.0.0.1', port }]);
  await balancer.setServers(backendOf(secure()).name, [{ id: 's', address: '127.0.0.1', port: one.port }]);
  await balancer.apply(table(secure(), passed, wild));
  const said = async (servername: string, words = ''): Promise<string> => {
    const socket = await openTls(ports.httpsPort, servername, ['http/1.1']);
    socket.write(words);
    socket.setEncoding('utf8');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    return text;
  };
  assert.equal(await said('own.test'), 'from the service');
  assert.equal(await said('x.own.test'), 'from the service');
  const answer = await said('a.test', 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 200 [\s\S]*"x-forwarded-for":"127\.0\.0\.1"/);
  server.close();
});

function portOf(address: AddressInfo | string | null): { port: number } {
  assert.ok(typeof address === 'object' && address !== null);
  return { port: address.port };
}
