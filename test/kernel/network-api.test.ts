import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { pino } from 'pino';
import { networkRoutes } from '#api/docker/networks.ts';
import { createServer } from '#api/server.ts';
import { NetworkEngine } from '../support/network-engine.ts';
import { becomePrivateHost } from '../support/private-host.ts';

becomePrivateHost();

type Json = Record<string, unknown>;

async function serve(t: TestContext, engine: NetworkEngine) {
  const calls: unknown[][] = [];
  const server = await createServer({
    log: pino({ level: 'silent' }),
    version: '0',
    routes: (app) =>
      networkRoutes(app, {
        networks: engine.networks,
        containers: {
          connect: (...args) => Promise.resolve(void calls.push(['connect', ...args])),
          disconnect: (...args) => Promise.resolve(void calls.push(['disconnect', ...args])),
        },
        now: () => Date.now(),
      }),
  });
  t.after(() => server.stop(0));
  const ask = async (method: 'GET' | 'POST' | 'DELETE', url: string, body?: object) => {
    const answer = await server.app.inject({ method, url: `/v1.45${url}`, ...(body && { payload: body }) });
    const parse: (text: string) => Json = JSON.parse;
    const parseList: (text: string) => Json[] = JSON.parse;
    return {
      status: answer.statusCode,
      json: () => parse(answer.body),
      names: () => parseList(answer.body).map((network) => network['Name']),
    };
  };
  const list = async (filters: object): Promise<unknown[]> =>
    (await ask('GET', `/networks?filters=${encodeURIComponent(JSON.stringify(filters))}`)).names().sort();
  return { ask, list, calls };
}

test('a network is made, shown with its containers as Docker shows it, and removed', async (t) => {
  await using engine = await NetworkEngine.start();
  const { ask } = await serve(t, engine);
  const made = await ask('POST', '/networks/create', {
    Name: 'net',
    Driver: 'bridge',
    Internal: true,
    IPAM: {
      Driver: 'default',
      Options: null,
      Config: [{ Subnet: '10.79.0.0/24', IPRange: '10.79.0.128/25' }],
    },
    Options: { 'com.docker.network.driver.mtu': '1400' },
    Labels: { a: 'b' },
    EnableIPv6: false,
    Ingress: false,
    ConfigFrom: null,
  });
  assert.equal(made.status, 201);
  const { container } = await engine.run('web', { networks: { net: {} } });
  const shown = (await ask('GET', '/networks/net')).json();
  assert.equal(shown['Id'], made.json()['Id']);
  assert.deepEqual(
    [shown['Driver'], shown['Scope'], shown['Internal'], shown['EnableIPv6'], shown['Labels']],
    ['bridge', 'local', true, false, { a: 'b' }],
  );
  assert.deepEqual(shown['IPAM'], {
    Driver: 'default',
    Options: null,
    Config: [{ Subnet: '10.79.0.0/24', IPRange: '10.79.0.128/25', Gateway: '10.79.0.1' }],
  });
  assert.deepEqual(shown['Containers'], {
    [container.id]: {
      Name: 'web',
      EndpointID: container.endpoints[0]?.endpointId,
      MacAddress: '02:42:0a:4f:00:80',
      IPv4Address: '10.79.0.128/24',
      IPv6Address: '',
    },
  });
  const busy = await ask('DELETE', '/networks/net');
  assert.deepEqual(
    [busy.status, String(busy.json()['message']).includes('has active endpoints')],
    [403, true],
  );
  await engine.networks.removeSandbox(container);
  assert.equal((await ask('DELETE', '/networks/net')).status, 204);
  assert.equal((await ask('GET', '/networks/net')).status, 404);
});

test('a list is filtered as docker network ls does', async (t) => {
  await using engine = await NetworkEngine.start();
  const { ask, list } = await serve(t, engine);
  await ask('POST', '/networks/create', { Name: 'app_front', Labels: { tier: 'front' } });
  await ask('POST', '/networks/create', { Name: 'app_back' });
  await engine.run('web', { networks: { app_front: {} } });
  assert.deepEqual(await list({}), ['app_back', 'app_front', 'bridge', 'host', 'none']);
  assert.deepEqual(await list({ type: ['custom'] }), ['app_back', 'app_front']);
  assert.deepEqual(await list({ name: ['app_'], label: ['tier=front'] }), ['app_front']);
  assert.deepEqual(await list({ dangling: ['true'] }), ['app_back']);
  assert.deepEqual(await list({ driver: ['null', 'host'] }), ['host', 'none']);
  assert.equal((await ask('GET', '/networks?filters={"type":["x"]}')).status, 400);
  assert.equal((await ask('GET', '/networks?filters={"colour":["x"]}')).status, 400);
  const pruned = await ask('POST', '/networks/prune?filters={"until":["1h"]}');
  assert.deepEqual(pruned.json(), { NetworksDeleted: null });
  assert.deepEqual((await ask('POST', '/networks/prune')).json(), { NetworksDeleted: ['app_back'] });
});

test('connect and disconnect hand over what the client wrote', async (t) => {
  await using engine = await NetworkEngine.start();
  const { ask, calls } = await serve(t, engine);
  const EndpointConfig = { IPAMConfig: { IPv4Address: '10.0.0.9' }, Aliases: ['db'], Links: null };
  const connected = await ask('POST', '/networks/net/connect', { Container: 'web', EndpointConfig });
  const cut = await ask('POST', '/networks/net/disconnect', { Container: 'web', Force: true });
  assert.deepEqual([connected.status, cut.status], [200, 200]);
  assert.deepEqual(calls, [
    [
      'connect',
      'web',
      'net',
      { IPAMConfig: { IPv4Address: '10.0.0.9', LinkLocalIPs: [] }, Links: null, Aliases: ['db'] },
    ],
    ['disconnect', 'web', 'net', true],
  ]);
});

test('what cannot be is refused with the status that Docker gives', async (t) => {
  await using engine = await NetworkEngine.start();
  const { ask } = await serve(t, engine);
  const create = async (body: object): Promise<number> =>
    (await ask('POST', '/networks/create', body)).status;
  assert.equal(await create({ Name: 'net' }), 201);
  assert.equal(await create({ Name: 'net' }), 409);
  assert.equal(await create({ Name: 'bridge' }), 403);
  assert.equal(await create({ Name: '' }), 400);
  assert.equal(await create({}), 400);
  assert.equal(await create({ Name: 'x', Driver: 'overlay' }), 501);
  assert.equal(await create({ Name: 'x', Driver: 'weave' }), 404);
  assert.equal(await create({ Name: 'x', ConfigOnly: true }), 501);
  assert.equal(await create({ Name: 'x', IPAM: { Config: [{ Subnet: '10.0.0.0/33' }] } }), 400);
  assert.equal(await create({ Name: 'x', IPAM: { Config: [{ Gateway: '10.0.0.1' }] } }), 400);
  const inUse = engine.networks.get('net').pools[0]?.subnet;
  assert.equal(await create({ Name: 'x', IPAM: { Config: [{ Subnet: inUse }] } }), 403);
  assert.equal((await ask('DELETE', '/networks/host')).status, 403);
  assert.equal((await ask('DELETE', '/networks/nosuch')).status, 404);
  assert.deepEqual(
    engine.networks
      .list()
      .map((network) => network.name)
      .sort(),
    ['bridge', 'host', 'net', 'none'],
  );
});
