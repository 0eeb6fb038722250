import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildTable } from '#domain/ingress/build-table.ts';
import { standardShape, type IngressRoute } from '#domain/ingress/model.ts';
import { configText } from './config-text.ts';
import { mapTexts } from './maps.ts';
import { pathsIn } from './paths.ts';

const base: IngressRoute = {
  ...{ app: 'shop', service: 'web', host: 'shop.test', path: '/', exact: false, priority: 0, port: 8080 },
  ...{ tls: 'acme', redirect: true, acceptProxy: false, at: 'compose.yaml:7', shape: standardShape },
};
const all = {
  ...standardShape,
  stripPrefix: '/api',
  requestHeaders: { 'X-A': '100%', 'X-B': null },
  responseHeaders: { 'X-C': "it's" },
  sticky: 'stay',
  rateLimit: { requests: 10, seconds: 60 },
  maxBody: 1000,
  compress: true,
  users: { lines: ['ann:secret'] },
  sendProxy: 'v2' as const,
  hsts: 60,
};
const routes: IngressRoute[] = [
  base,
  { ...base, host: '*.shop.test', path: '/api', service: 'api', shape: all },
  { ...base, host: '', path: '/health', exact: true, tls: 'off' },
  { ...base, host: 'own.test', tls: 'passthrough', service: 'own' },
  {
    ...base,
    host: '',
    tls: 'off',
    entrypoint: 5432,
    service: 'db',
    shape: { ...standardShape, protocol: 'tcp' },
  },
  { ...base, host: 'rpc.test', service: 'rpc', shape: { ...standardShape, protocol: 'grpc' } },
];
const golden = join(import.meta.dirname, '../../../test/golden/haproxy');

test('the configuration and the maps of an app with everything are as recorded', () => {
  const table = buildTable(routes, { httpPort: 80, httpsPort: 443 });
  const paths = pathsIn('/run/berth/haproxy');
  const users = new Map(
    table.backends.map(({ name }) => [name, ['ann:secret', 'bob:$6$salt$hash', 'no line']]),
  );
  const text = configText({
    table,
    users,
    servers: (name) => [{ id: `${name.split(':')[1] ?? ''}1`, address: '172.18.0.2', port: 8080 }],
    settings: {
      ...{ paths, instance: 'berth_1', addresses: [], hasIp6: true, challengePort: 80, accessLog: true },
      trustedProxies: ['10.0.0.0/8'],
    },
  });
  const maps = [...mapTexts(table, paths)].map(([path, lines]) => `# ${path}\n${lines}`).join('');
  assert.equal(text, readFileSync(join(golden, 'haproxy.cfg'), 'utf8'));
  assert.equal(maps, readFileSync(join(golden, 'maps.txt'), 'utf8'));
});
