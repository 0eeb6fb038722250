import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { backendOf } from '#domain/ingress/build-table.ts';
import type { BackendShape, IngressRoute } from '#domain/ingress/model.ts';
import {
  askHttp,
  echoed,
  echoServer,
  openIngress,
  route,
  type Echo,
  type TestIngress,
} from '../support/ingress.ts';

/** Serves routes by the same echo servers. */
async function serve(
  { balancer, table }: TestIngress,
  routes: IngressRoute[],
  ...echoes: Echo[]
): Promise<void> {
  for (const one of routes)
    await balancer.setServers(
      backendOf(one).name,
      echoes.map(({ port }, index) => ({ id: `s${index}`, address: '127.0.0.1', port })),
    );
  await balancer.apply(table(...routes));
}

const shaped = (shape: Partial<BackendShape>): IngressRoute => route({ shape });

test('the service learns the true client, and no client can lie about itself', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  await serve(ingress, [route({})], one);
  const lies = { 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'https', forwarded: 'for=1.2.3.4' };
  const { headers } = echoed(await askHttp(ingress.ports.httpPort, { headers: lies }));
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(headers['x-forwarded-proto'], 'http');
  assert.equal(headers['x-forwarded-host'], 'a.test');
  assert.equal(headers['forwarded'], 'for=127.0.0.1;host="a.test";proto=http');
});

test('a trusted proxy is believed, also about whose requests count', async () => {
  await using ingress = await openIngress(['127.0.0.0/8']);
  await using one = await echoServer('one');
  await serve(ingress, [shaped({ rateLimit: { requests: 2, seconds: 60 } })], one);
  const as = (client: string): Promise<{ status: number }> =>
    askHttp(ingress.ports.httpPort, { headers: { 'x-forwarded-for': client, 'x-forwarded-proto': 'https' } });
  const { headers } = echoed(
    await askHttp(ingress.ports.httpPort, {
      headers: { 'x-forwarded-for': '9.9.9.9', 'x-forwarded-proto': 'https' },
    }),
  );
  assert.equal(headers['x-forwarded-for'], '9.9.9.9, 127.0.0.1');
  assert.equal(headers['x-forwarded-proto'], 'https');
  assert.equal((await as('9.9.9.9')).status, 200);
  assert.equal((await as('9.9.9.9')).status, 429);
  assert.equal((await as('8.8.8.8')).status, 200);
});

test('prefixes are stripped and headers set and removed', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  const shape = {
    stripPrefix: '/a.b',
    requestHeaders: { 'X-Own': `it's 100% "so" \\1`, 'X-Gone': null },
    responseHeaders: { 'X-Answer': 'yes' },
  };
  await serve(ingress, [route({ path: '/a.b', shape })], one);
  const { httpPort } = ingress.ports;
  const answer = await askHttp(httpPort, { path: '/a.b/c?d=e', headers: { 'x-gone': '1' } });
  const { url, headers } = echoed(answer);
  assert.deepEqual([url, headers['x-own'], headers['x-gone']], ['/c?d=e', `it's 100% "so" \\1`, undefined]);
  assert.equal(headers['x-forwarded-prefix'], '/a.b');
  assert.equal(answer.headers['x-answer'], 'yes');
  assert.equal(echoed(await askHttp(httpPort, { path: '/a.b' })).url, '/');
  assert.equal((await askHttp(httpPort, { path: '/axb/c' })).status, 404);
});

test('a client stays with its replica by a cookie, also while that drains and after a reload', async () => {
  await using ingress = await openIngress();
  const { balancer, ports, table } = ingress;
  await using one = await echoServer('one');
  await using two = await echoServer('two');
  const sticky = shaped({ sticky: 'stay' });
  const { name } = backendOf(sticky);
  const [s1, s2] = [
    { id: 's1', address: '127.0.0.1', port: one.port },
    { id: 's2', address: '127.0.0.1', port: two.port },
  ];
  await balancer.apply(table(sticky));
  // Servers that are added to the running process make the same cookies as those of the configuration.
  await balancer.setServers(name, [s1, s2]);
  const first = await askHttp(ports.httpPort);
  const [cookie = ''] = /^stay=[0-9a-f]+/.exec(String(first.headers['set-cookie'])) ?? [];
  assert.notEqual(cookie, '');
  const mine = echoed(first).name;
  const again = async (): Promise<string> =>
    echoed(await askHttp(ports.httpPort, { headers: { cookie } })).name;
  for (let i = 0; i < 3; i += 1) assert.equal(await again(), mine);
  await balancer.apply(table(sticky, route({ host: 'b.test', entrypoint: ports.httpsPort })));
  for (let i = 0; i < 3; i += 1) assert.equal(await again(), mine);
  const [leaving, other] = mine === 'one' ? [s1, s2] : [s2, s1];
  await balancer.setServers(name, [{ ...leaving, draining: true }, other]);
  for (let i = 0; i < 3; i += 1) assert.equal(await again(), mine);
  for (let i = 0; i < 3; i += 1) assert.notEqual(echoed(await askHttp(ports.httpPort)).name, mine);
  assert.deepEqual(ingress.reports, []);
});

// By openssl passwd -6.
const hash = '$6$abc$mxhmeOhhg7BkyjX4g9EI1qMFPpXu00J6PzkQDktb3foS3A/abyCOjqrwlMgKWcT2DD.yuDadl4iFQAJbGBgqH1';

test('bodies, rates and strangers are bounded', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  const routes = [
    route({ host: 'body.test', shape: { maxBody: 10 } }),
    route({ host: 'rate.test', shape: { rateLimit: { requests: 3, seconds: 60 } } }),
    route({
      host: 'users.test',
      shape: { users: { lines: ['ann:secret', `bob:${hash}`] } },
    }),
  ];
  await serve(ingress, routes, one);
  const { httpPort } = ingress.ports;
  const post = (body: string, headers = {}): Promise<{ status: number }> =>
    askHttp(httpPort, { host: 'body.test', method: 'POST', body, headers });
  assert.equal((await post('0123456789')).status, 200);
  assert.equal((await post('0123456789a')).status, 413);
  assert.equal((await post('0', { 'transfer-encoding': 'chunked' })).status, 411);
  const statuses = [];
  for (let i = 0; i < 5; i += 1) statuses.push((await askHttp(httpPort, { host: 'rate.test' })).status);
  assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
  const enter = async (user: string): Promise<number> => {
    const authorization = `Basic ${Buffer.from(user).toString('base64')}`;
    return (await askHttp(httpPort, { host: 'users.test', headers: { authorization } })).status;
  };
  assert.equal((await askHttp(httpPort, { host: 'users.test' })).status, 401);
  assert.equal(await enter('ann:secret'), 200);
  assert.equal(await enter('ann:wrong'), 401);
  assert.equal(await enter('bob:secret2'), 200);
  assert.equal(await enter('bob:secret'), 401);
});

test('an answer that never began is asked for again where that is safe, and only there', async () => {
  await using ingress = await openIngress();
  await using one = await echoServer('one');
  let cuts = 0;
  const cutting = createTcpServer((socket) => {
    socket.once('data', () => {
      cuts += 1;
      socket.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(cutting, 'listening');
  const address = cutting.address();
  assert.ok(typeof address === 'object' && address !== null);
  const { balancer, ports, table } = ingress;
  await balancer.setServers(backendOf(route({})).name, [
    { id: 's1', address: '127.0.0.1', port: address.port },
    { id: 's2', address: '127.0.0.1', port: one.port },
  ]);
  await balancer.apply(table(route({})));
  for (let i = 0; i < 6; i += 1) assert.equal((await askHttp(ports.httpPort)).status, 200);
  assert.ok(cuts > 0, 'the cutting server was never asked');
  const statuses: number[] = [];
  for (let i = 0; i < 4; i += 1)
    statuses.push((await askHttp(ports.httpPort, { method: 'POST', body: 'x' })).status);
  assert.ok(statuses.includes(502), statuses.join());
  cutting.close();
});

test('WebSockets pass, and live on through a reload', async () => {
  await using ingress = await openIngress();
  const { balancer, ports, table } = ingress;
  await using one = await echoServer('one');
  const sockets = new WebSocketServer({ server: one.server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  await serve(ingress, [route({})], one);
  const client = new WebSocket(`ws://127.0.0.1:${ports.httpPort}/`, { headers: { host: 'a.test' } });
  await once(client, 'open');
  const echo = async (text: string): Promise<string> => {
    client.send(text);
    const message: unknown[] = await once(client, 'message');
    return String(message[0]);
  };
  assert.equal(await echo('before'), 'before');
  await balancer.apply(table(route({}), route({ host: 'b.test', entrypoint: ports.httpsPort })));
  assert.equal(await echo('after'), 'after');
  client.close();
  await once(client, 'close');
});

test('bytes pass on a port of their own, with the client by the PROXY protocol on both sides', async () => {
  await using ingress = await openIngress();
  const { balancer, ports, table } = ingress;
  const server = createTcpServer((socket) => void socket.once('data', (data) => socket.end(data))).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const tcp = route({
    host: '',
    entrypoint: ports.httpPort,
    acceptProxy: true,
    shape: { protocol: 'tcp', sendProxy: 'v1' },
  });
  await balancer.setServers(backendOf(tcp).name, [{ id: 's', address: '127.0.0.1', port: address.port }]);
  await balancer.apply(table(tcp));
  const client = connectTcp(ports.httpPort, '127.0.0.1');
  client.setEncoding('utf8');
  client.write('PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\nhello');
  const answer: unknown[] = await once(client, 'data');
  assert.match(String(answer[0]), /^PROXY TCP4 192\.0\.2\.7 192\.0\.2\.8 1234 80\r\n/);
  client.destroy();
  server.close();
});
