import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backendOf, buildTable } from './build-table.ts';
import {
  certificateFlaws,
  checkCertificates,
  displacedCertificates,
  nextAttempt,
  renewalTime,
  wantedCertificates,
} from './certificates.ts';
import { checkRoutes } from './check-routes.ts';
import { standardShape, type BackendShape, type IngressRoute } from './model.ts';
import { parseRate } from './rate.ts';
import { parseTraefikRule } from './traefik-rule.ts';

const ports = { httpPort: 80, httpsPort: 443 };

function route(
  changes: Partial<Omit<IngressRoute, 'shape'>> & { shape?: Partial<BackendShape> } = {},
): IngressRoute {
  return {
    ...{ app: 'shop', service: 'web', host: 'a.test', path: '/', exact: false, priority: 0, port: 8080 },
    ...{ tls: 'off', redirect: true, acceptProxy: false, at: 'compose.yaml:7' },
    ...changes,
    shape: { ...standardShape, ...changes.shape },
  };
}

const other = { app: 'blog', service: 'front', at: 'blog.yaml:3' };

test('a host with TLS is served on the port of HTTPS, and plain HTTP leads there', () => {
  const table = buildTable([route({ tls: 'acme' })], ports);
  assert.deepEqual(
    table.listeners.map(({ port, mode, tls, hosts, rules }) => ({ port, mode, tls, hosts, rules })),
    [
      {
        ...{ port: 80, mode: 'http', tls: false, hosts: [] },
        rules: [{ host: 'a.test', path: '/', exact: false, target: { redirect: 443 } }],
      },
      {
        ...{ port: 443, mode: 'http', tls: true, hosts: ['a.test'] },
        rules: [{ host: 'a.test', path: '/', exact: false, target: { backend: 'shop:web:8080' } }],
      },
    ],
  );
});

test('what is served without TLS is not led away by a host that has it too', () => {
  const table = buildTable([route({ tls: 'internal' }), route({ service: 'plain' })], ports);
  assert.deepEqual(table.listeners[0]?.rules[0]?.target, { backend: 'shop:plain:8080' });
  assert.equal(table.listeners[0].rules.length, 1);
});

test('hosts of one shape share a backend; another shape is another one', () => {
  const shapes = [route(), route({ host: 'b.test' }), route({ host: 'c.test', shape: { compress: true } })];
  const { backends } = buildTable(shapes, ports);
  assert.equal(backends.length, 2);
  assert.equal(backends[0]?.name, 'shop:web:8080');
  assert.match(backends[1]?.name ?? '', /^shop:web:8080:[0-9a-f]{8}$/);
});

test('TLS that is handed on stands beside requests on the same port', () => {
  const passed = route({ host: 'own.test', tls: 'passthrough', service: 'own' });
  const { listeners } = buildTable([passed, route({ tls: 'internal' })], ports);
  const https = listeners.find(({ port }) => port === 443);
  assert.equal(https?.mode, 'http');
  assert.deepEqual(https.passthrough, [{ host: 'own.test', backend: backendOf(passed).name }]);
  assert.deepEqual(https.hosts, ['a.test']);
});

test('two apps that want the same requests are refused with both places', () => {
  assert.throws(() => checkRoutes([route()], [route(other)], ports), {
    code: 'ingress-conflict',
    message:
      "two services want the requests for 'a.test', path '/', port 80: blog/front (blog.yaml:3) and shop/web (compose.yaml:7)",
  });
});

const fine: [title: string, mine: IngressRoute, theirs: IngressRoute][] = [
  ['another path', route({ path: '/x' }), route(other)],
  ['the path itself beside all below it', route({ exact: true }), route(other)],
  ['another host', route({ host: 'b.test' }), route(other)],
  ['a wildcard beside a host', route({ host: '*.test' }), route(other)],
  ['a higher priority', route({ priority: 1 }), route(other)],
  ['another port', route({ entrypoint: 8080 }), route(other)],
  ['TLS beside none', route({ tls: 'internal' }), route(other)],
];
for (const [title, mine, theirs] of fine)
  test(`no contradiction: ${title}`, () => {
    checkRoutes([mine], [theirs], ports);
  });

test('the route of higher priority serves', () => {
  const high = route({ ...other, priority: 5 });
  const { listeners } = buildTable([route(), high], ports);
  assert.deepEqual(listeners[0]?.rules[0]?.target, { backend: 'blog:front:8080' });
});

const clashes: [title: string, mine: IngressRoute, theirs: IngressRoute, why: RegExp][] = [
  [
    'bytes and requests on one port',
    route({ host: '', entrypoint: 90, shape: { protocol: 'tcp' } }),
    route({ ...other, entrypoint: 90 }),
    /port 90 cannot serve both blog\/front \(blog\.yaml:3\) and shop\/web .*one is tcp, the other HTTP/,
  ],
  [
    'TLS and none on one port',
    route({ tls: 'internal', entrypoint: 90 }),
    route({ ...other, host: 'b.test', entrypoint: 90 }),
    /only one of them speaks TLS/,
  ],
  [
    'one client behind a PROXY protocol',
    route({ acceptProxy: true }),
    route({ ...other, host: 'b.test' }),
    /only one of them expects the PROXY protocol/,
  ],
  [
    'two services for the bytes of one port',
    route({ host: '', entrypoint: 90, shape: { protocol: 'tcp' } }),
    route({ ...other, host: '', entrypoint: 90, shape: { protocol: 'tcp' } }),
    /two services want the requests for port 90/,
  ],
];
for (const [title, mine, theirs, why] of clashes)
  test(`refused: ${title}`, () => {
    assert.throws(() => checkRoutes([mine], [theirs], ports), why);
  });

test('each host has the strongest certificate that is asked for, and strangers get a local one', () => {
  const own = { cert: '/c', key: '/k' };
  const routes = [
    route({ tls: 'internal' }),
    route({ tls: 'acme', path: '/x' }),
    route({ host: 'b.test', tls: 'own', certificate: own }),
    route({ host: 'c.test' }),
    route({ host: 'd.test', tls: 'passthrough' }),
  ];
  assert.deepEqual(wantedCertificates(routes), [
    { host: '', mode: 'internal' },
    { host: 'a.test', mode: 'acme' },
    { host: 'b.test', mode: 'own', own },
  ]);
  assert.deepEqual(wantedCertificates([route()]), []);
});

test('of two certificates for a host the same one is offered in whatever order they come, and it is said', () => {
  const asks = (app: string) =>
    route({ app, path: `/${app}`, tls: 'own', certificate: { cert: `/${app}`, key: '/k' } });
  const [one, other] = [asks('a'), asks('b')];
  for (const routes of [
    [one, other],
    [other, one],
  ])
    assert.deepEqual(wantedCertificates(routes)[1]?.own, { cert: '/a', key: '/k' });
  assert.match(
    displacedCertificates([other, one]).join(),
    /^a\.test is offered the certificate that a\/web .* asks for \(tls: own\), not that of b\/web /,
  );
  checkCertificates([route({ host: 'c.test', tls: 'acme' })], [one, other]);
  checkCertificates([asks('a')], [one]);
  assert.throws(() => checkCertificates([other], [one]), {
    code: 'ingress-certificate-conflict',
    message: /^a\.test can have one certificate, but a\/web .* tls: own, and b\/web .* tls: own$/,
  });
});

test('two apps with the same secrets of the machine want the same, in whatever versions', () => {
  const own = (app: string, version: number, key = 'secret//chain'): IngressRoute => {
    const one = { secret: 'chain', stored: { key, version } };
    return route({ app, path: `/${app}`, tls: 'own', certificate: { certificate: one, key: one } });
  };
  checkCertificates([own('a', 1)], [own('b', 2)]);
  assert.throws(() => checkCertificates([own('a', 1)], [own('b', 1, 'secret/b/chain')]), {
    code: 'ingress-certificate-conflict',
  });
});

test('what clients will not like about a certificate is said', () => {
  const flaws = (names: string[], host: string, now = 5): string[] =>
    certificateFlaws({ names, notBefore: 1, notAfter: 10 }, host, now);
  assert.deepEqual(flaws(['x.test', 'A.test'], 'a.test'), []);
  assert.deepEqual(flaws(['*.a.test'], 'b.a.test'), []);
  assert.deepEqual(flaws(['*.a.test'], '*.a.test'), []);
  assert.deepEqual(flaws([], ''), []);
  assert.deepEqual(flaws(['*.a.test'], 'a.test'), ['it is for *.a.test, not for a.test']);
  assert.deepEqual(flaws(['*.a.test'], 'c.b.a.test'), ['it is for *.a.test, not for c.b.a.test']);
  assert.deepEqual(flaws([], 'a.test'), ['it is for no host at all, not for a.test']);
  assert.deepEqual(flaws(['a.test'], 'a.test', 10), ['it has expired on 1970-01-01']);
  assert.deepEqual(flaws(['a.test'], 'a.test', 0), ['it is not valid before 1970-01-01']);
});

test('a certificate is renewed after two thirds of its life; failures wait ever longer', () => {
  assert.equal(renewalTime({ notBefore: 0, notAfter: 90 }), 60);
  const minutes = [1, 2, 3, 4, 20].map((failures) => nextAttempt(0, failures) / 60_000);
  assert.deepEqual(minutes, [1, 4, 16, 64, 720]);
});

test('rates are so many requests in so long a time', () => {
  assert.deepEqual(parseRate('100/s'), { requests: 100, seconds: 1 });
  assert.deepEqual(parseRate('5/10m'), { requests: 5, seconds: 600 });
  for (const wrong of ['', '0/s', '5', '5/d', '5/0s', '-1/s', '1.5/s'])
    assert.equal(parseRate(wrong), undefined);
});

test("Traefik's rules become hosts and paths", () => {
  const read = (rule: string): string[] =>
    parseTraefikRule(rule).map(({ host, path, exact }) => `${host}${path}${exact ? '!' : ''}`);
  assert.deepEqual(read('Host(`A.test`)'), ['a.test/']);
  assert.deepEqual(read('Host(`a`,`b`) && PathPrefix(`/x/`)'), ['a/x', 'b/x']);
  assert.deepEqual(read('(Host("a") || Host(\'b\')) && (Path(`/x`) || PathPrefix(`/y`))'), [
    'a/x!',
    'a/y',
    'b/x!',
    'b/y',
  ]);
  assert.deepEqual(read('PathPrefix(`/x`)'), ['/x']);
  const refused: [rule: string, message: RegExp][] = [
    ['', /empty/],
    ['Host(`a`) && Host(`b`)', /no request has both hosts/],
    ['Path(`/a`) && Path(`/b`)', /two paths/],
    ['(Host(`a`)', /not closed/],
    ['Host(`a`) Host(`b`)', /wrong place/],
    ['Host()', /not understood/],
    ['Method(`GET`)', /the matcher Method is not offered/],
    ['!Host(`a`)', /not understood/],
  ];
  for (const [rule, message] of refused) assert.throws(() => parseTraefikRule(rule), message);
});
