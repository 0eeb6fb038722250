import assert from 'node:assert/strict';
import { test } from 'node:test';
import { standardShape, type IngressEntry } from '#domain/ingress/model.ts';
import { readProject } from '../../../test/support/compose.ts';

function read(lines: string[]): { entries: IngressEntry[]; problems: string[] } {
  const text = ['services:', '  web:', '    image: a', ...lines.map((line) => `    ${line}`)].join('\n');
  const { model, problems } = readProject({ 'compose.yaml': text }, { folder: '/shop' });
  return {
    entries: model?.services['web']?.ingress ?? [],
    problems: problems.map(
      (one) => `${one.at.line}:${one.at.column} ${one.severity} ${one.code} ${one.message}`,
    ),
  };
}

test('an entry is read for each host and path, with its place and all defaults', () => {
  const { entries, problems } = read([
    'expose: ["8080"]',
    'x-berth:',
    '  ingress:',
    '    - host: [Shop.example.com, "*.shop.example.com"]',
    '      path: [/, /api/]',
    '      tls: internal',
  ]);
  assert.deepEqual(problems, []);
  const base = {
    exact: false,
    priority: 0,
    port: 8080,
    tls: 'internal',
    redirect: true,
    acceptProxy: false,
    shape: standardShape,
    at: 'compose.yaml:7',
  };
  assert.deepEqual(entries, [
    { ...base, host: 'shop.example.com', path: '/' },
    { ...base, host: 'shop.example.com', path: '/api' },
    { ...base, host: '*.shop.example.com', path: '/' },
    { ...base, host: '*.shop.example.com', path: '/api' },
  ]);
});

test('every option has its place in the shape', () => {
  const { entries, problems } = read([
    'x-berth:',
    '  ingress:',
    '    - { path: /api, port: 80, protocol: grpc, strip_prefix: true, sticky: true, rate_limit: 100/m, retries: 0,',
    '        headers: { request: { X-A: b, Cookie: null }, response: { X-C: d } }, compress: true, max_body: 1m,',
    '        timeouts: { response: 5m }, basic_auth: { file: users.txt }, proxy_protocol: { in: true, out: v2 },',
    '        tls: { cert: c.pem, key: /k.pem }, hsts: true, entrypoint: 8443, redirect: false }',
  ]);
  assert.deepEqual(problems, []);
  const [entry] = entries;
  assert.deepEqual(entry?.shape, {
    protocol: 'grpc',
    stripPrefix: '/api',
    requestHeaders: { 'X-A': 'b', Cookie: null },
    responseHeaders: { 'X-C': 'd' },
    sticky: 'berth',
    rateLimit: { requests: 100, seconds: 60 },
    retries: 0,
    timeouts: { connect: 2, response: 300, idle: 3600 },
    maxBody: 1024 * 1024,
    compress: true,
    users: { file: '/shop/users.txt' },
    sendProxy: 'v2',
    hsts: 31_536_000,
  });
  assert.deepEqual(entry.certificate, { cert: '/shop/c.pem', key: '/k.pem' });
  assert.deepEqual(
    [entry.tls, entry.entrypoint, entry.acceptProxy, entry.redirect],
    ['own', 8443, true, false],
  );
});

const refused: [title: string, line: string, problem: RegExp][] = [
  ['a host that is none', '{ host: "a b", port: 1 }', /^6:19 error ingress-invalid found 'a b'/],
  ['a misspelt key', '{ hots: a, port: 1 }', /6:13 .*the key 'hots' is unknown/],
  ['ACME without a host', '{ tls: acme, port: 1 }', /ACME needs a host by name, found ''/],
  ['ACME for a wildcard', '{ host: "*.a.b", tls: acme, port: 1 }', /ACME needs a host by name/],
  ['requests in bytes', '{ protocol: tcp, entrypoint: 5, port: 1, path: /x }', /'path' looks into requests/],
  ['bytes without a port of the host', '{ protocol: tcp, port: 1 }', /'entrypoint' is missing/],
  ['a port out of range', '{ port: 70000 }', /found 70000, required is a port/],
  ['no port at all', '{ path: / }', /'port' is missing, and the service exposes none/],
  ['a rate that is none', '{ port: 1, rate_limit: often }', /required is a rate such as 100\/s/],
  ['a line break in a header', '{ port: 1, headers: { request: { A: "b\\r\\nC: d" } } }', /has a line break/],
  ['hsts without TLS', '{ port: 1, hsts: true }', /hsts asks browsers for TLS, but tls is off/],
  ['passthrough without a host', '{ port: 1, tls: passthrough }', /goes by the host's name/],
];
for (const [title, line, problem] of refused)
  test(`refused: ${title}`, () => {
    const { problems } = read(['x-berth:', '  ingress:', `    - ${line}`]);
    assert.match(problems.join('\n'), problem);
  });

test('several ports need a choice', () => {
  const { problems } = read(['ports: ["80:80", "81:81"]', 'x-berth: { ingress: [{ host: a.b }] }']);
  assert.match(problems.join('\n'), /the service has several: 80, 81/);
});

test("Traefik's labels are read: rule, TLS, port and middlewares", () => {
  const { entries, problems } = read([
    'labels:',
    '  traefik.enable: "true"',
    '  traefik.http.routers.web.rule: Host(`a.example.com`) && (PathPrefix(`/v1`) || Path(`/health`))',
    '  traefik.http.routers.web.entrypoints: websecure',
    '  traefik.http.routers.web.tls.certresolver: le',
    '  traefik.http.routers.web.middlewares: strip@docker, limit',
    '  traefik.http.routers.plain.rule: Host(`a.example.com`)',
    '  traefik.http.routers.plain.entrypoints: web',
    '  traefik.http.routers.plain.middlewares: tohttps',
    '  traefik.http.middlewares.tohttps.redirectscheme.scheme: https',
    '  traefik.http.middlewares.strip.stripprefix.prefixes: /v1',
    '  traefik.http.middlewares.limit.ratelimit.average: 5',
    '  traefik.http.services.web.loadbalancer.server.port: 3000',
    '  traefik.http.services.web.loadbalancer.healthcheck.path: /x',
  ]);
  assert.deepEqual(
    entries.map(({ host, path, exact, tls, port }) => [host, path, exact, tls, port]),
    [
      ['a.example.com', '/v1', false, 'acme', 3000],
      ['a.example.com', '/health', true, 'acme', 3000],
    ],
  );
  assert.deepEqual(entries[0]?.shape.rateLimit, { requests: 5, seconds: 1 });
  assert.equal(entries[0].shape.stripPrefix, '/v1');
  assert.deepEqual(problems, [
    '5:7 warning traefik-label-not-read the label traefik.http.services.web.loadbalancer.healthcheck.path is not read; x-berth.ingress may offer the same',
  ]);
});

test("numbers in Traefik's labels must be some", () => {
  const { problems } = read([
    'expose: ["80"]',
    'labels:',
    '  traefik.http.routers.web.rule: Host(`a.example.com`)',
    '  traefik.http.routers.web.priority: high',
    '  traefik.http.routers.web.middlewares: safe',
    '  traefik.http.middlewares.safe.headers.stsseconds: a year',
  ]);
  assert.deepEqual(
    problems.map((one) => one.replace(/^.*?error /, '')),
    [
      "traefik-label-invalid traefik.http.middlewares.safe.headers.stsseconds: found 'a year', required is a whole number",
      "traefik-label-invalid traefik.http.routers.web.priority: found 'high', required is a whole number",
    ],
  );
});

test('a rule of Traefik that is not understood is an error at the labels', () => {
  const { problems } = read(['labels: { traefik.http.routers.a.rule: "HostRegexp(`x`)" }', 'expose: ["80"]']);
  assert.match(
    problems.join('\n'),
    /4:13 error traefik-rule-invalid .*the matcher HostRegexp is not offered/,
  );
});

test('a certificate may be two secrets of the app, which must be defined', () => {
  const text = (key: string): string =>
    [
      'secrets: { chain: { external: true }, private: { file: k.pem } }',
      'services:',
      '  web:',
      '    image: a',
      '    expose: ["8080"]',
      `    x-berth: { ingress: [{ host: a.test, tls: { certificate: chain, key: ${key} } }] }`,
    ].join('\n');
  const { model, problems } = readProject({ 'compose.yaml': text('private') });
  assert.deepEqual(problems, []);
  const [entry] = model?.services['web']?.ingress ?? [];
  assert.equal(entry?.tls, 'own');
  assert.deepEqual(entry.certificate, { certificate: { secret: 'chain' }, key: { secret: 'private' } });
  const wrong = readProject({ 'compose.yaml': text('none') }).problems;
  assert.match(wrong.map(({ message }) => message).join(), /the secret 'none' is not defined/);
});

test('users may be a secret of the app, which must be defined', () => {
  const lines = (secret: string): string[] => [
    'expose: ["8080"]',
    `x-berth: { ingress: [{ host: a.test, basic_auth: { secret: ${secret} } }] }`,
  ];
  const defined = ['secrets: { staff: { external: true } }', 'services:', '  web:', '    image: a'];
  const text = [...defined, ...lines('staff').map((line) => `    ${line}`)].join('\n');
  const { model, problems } = readProject({ 'compose.yaml': text });
  assert.deepEqual(problems, []);
  assert.deepEqual(model?.services['web']?.ingress?.[0]?.shape.users, { secret: 'staff' });
  assert.match(
    read(lines('none')).problems.join(),
    /the secret 'none' is not defined at the top of the file/,
  );
});
