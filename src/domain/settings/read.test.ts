import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSettings } from '#domain/settings/read.ts';
import { parseEndpoint } from '#domain/settings/settings.ts';

const file = (
  text: string,
): { file: { path: string; text: string }; environment: Record<string, string> } => ({
  file: { path: '/etc/berth/config.toml', text },
  environment: {},
});

test('without a file and an environment every setting has its default', () => {
  const { settings, effective } = readSettings({ environment: {} });
  assert.equal(settings.root, '/var/lib/berth');
  assert.equal(settings.host, 'unix:///run/berth/berth.sock');
  assert.ok(effective.every(({ source }) => source === 'default'));
});

test('the environment wins over the file, the file over the default, and each tells its source', () => {
  const text = '# where\nroot = "/srv/berth"\nrun = "/run/b"\n\n[log]\nlevel = "debug"\n';
  const { settings, effective } = readSettings({ ...file(text), environment: { BERTH_RUN: '/tmp/run' } });
  assert.deepEqual([settings.root, settings.run, settings.log.level], ['/srv/berth', '/tmp/run', 'debug']);
  const sources = Object.fromEntries(effective.map(({ key, source }) => [key, source]));
  assert.equal(sources['root'], '/etc/berth/config.toml:2');
  assert.equal(sources['run'], 'environment BERTH_RUN');
  assert.equal(sources['log.level'], '/etc/berth/config.toml:6');
  assert.equal(sources['mirrors.debian'], 'default');
});

test('the socket follows the run folder unless it is set', () => {
  const at = (environment: Record<string, string>): string => readSettings({ environment }).settings.host;
  assert.equal(at({ BERTH_RUN: '/tmp/r' }), 'unix:///tmp/r/berth.sock');
  assert.equal(at({ BERTH_RUN: '/tmp/r', BERTH_HOST: 'tcp://127.0.0.1:2375' }), 'tcp://127.0.0.1:2375');
});

test('mirrors are a table by registry, whose names may have dots and ports', () => {
  const text =
    '[registries.mirrors]\n"docker.io" = ["https://m.example"]\n"reg.lan:5000" = ["http://c:1/a/b"]\n';
  const { settings, effective } = readSettings(file(text));
  assert.deepEqual(settings.registries.mirrors, {
    'docker.io': ['https://m.example'],
    'reg.lan:5000': ['http://c:1/a/b'],
  });
  assert.equal(effective.find(({ key }) => key === 'registries.mirrors')?.source, '/etc/berth/config.toml:1');
});

const refused: [title: string, text: string, message: RegExp][] = [
  [
    'an unknown key is named with the nearest one',
    '\nrooot = "/x"',
    /config\.toml:2: unknown key 'rooot', did you mean 'root'\?/,
  ],
  [
    'an unknown key in a section too',
    '[log]\n\nlevle = "info"',
    /config\.toml:3: unknown key 'log\.levle', did you mean 'log\.level'\?/,
  ],
  ['an unknown section', '[lgo]\nlevel = "info"', /config\.toml:2: unknown key 'lgo\.level'/],
  [
    'a dotted key is found on its line',
    'root = "/a"\nlog.level = "loud"',
    /config\.toml:2: log\.level: "loud" is not one of trace/,
  ],
  ['a relative path', 'root = "data"', /config\.toml:1: root: "data" is not an absolute path/],
  ['a colon in a path', 'run = "/run/a:b"', /config\.toml:1: run: "\/run\/a:b" is not a path without ':'/],
  [
    'a path of the kernel',
    'root = "/proc/x"',
    /"\/proc\/x" is not an absolute path outside \/proc and \/sys/,
  ],
  ['a value of another type', 'registries.insecure = "reg:5000"', /is not a list, each entry HOST/],
  [
    'a mirror that is no URL',
    '[registries.mirrors]\n"docker.io" = ["m.example"]',
    /mirrors: .* is not an URL such as/,
  ],
  [
    'mirrors in a list',
    'registries.mirrors = ["https://m"]',
    /is not a table, each entry a registry and its mirrors/,
  ],
  ['a size without a number', 'registries.max-layer-size = "big"', /is not a size such as 512m or 64g/],
  ['a host that is no endpoint', 'host = "/run/b.sock"', /is not unix:\/\/\/PATH or tcp:\/\/ADDRESS:PORT/],
  [
    'a TCP address for everybody',
    '[api]\nhosts = ["tcp://127.0.0.1:1", "tcp://0.0.0.0:2375"]',
    /config\.toml:2: api\.hosts: "tcp:\/\/0\.0\.0\.0:2375" is reached from outside/,
  ],
  [
    'one for everybody as the host',
    '\nhost = "tcp://[::]:2375"',
    /config\.toml:2: host: "tcp:\/\/\[::\]:2375"/,
  ],
  [
    'TLS that asks nobody for a certificate is no protection',
    '[api]\nhosts = ["tcp://0.0.0.0:2376"]\n[api.tls]\ncert = "/c"\nkey = "/k"\nverify = false',
    /config\.toml:2: api\.hosts/,
  ],
  [
    'a certificate without its key',
    '[api.tls]\ncert = "/c"',
    /config\.toml:2: api\.tls\.cert: .* go together/,
  ],
  [
    'certificates without an authority to check clients',
    '[api.tls]\ncert = "/c"\nkey = "/k"',
    /config\.toml:2: api\.tls\.cert: api\.tls\.ca must name/,
  ],
  ['an address that merely begins like loopback', 'api.hosts = ["tcp://127.evil.example:1"]', /127\.evil/],
  ['malformed TOML tells line and column', 'root = "/a"\n[log\n', /config\.toml:2:\d+: /],
];
for (const [title, text, message] of refused)
  test(`refused: ${title}`, () => assert.throws(() => readSettings(file(text)), message));

test('a TCP address for everybody is served with client certificates, or when that is allowed in so many words', () => {
  const hosts = '[api]\nhosts = ["tcp://0.0.0.0:2376"]\n';
  const tls = '[api.tls]\nca = "/ca"\ncert = "/c"\nkey = "/k"\n';
  const { api } = readSettings(file(hosts + tls)).settings;
  assert.deepEqual(api.hosts, ['tcp://0.0.0.0:2376']);
  assert.deepEqual(api.tls, { ca: '/ca', cert: '/c', key: '/k', verify: true });
  const allowed = readSettings(file(`${hosts}allow-unauthenticated = true\n`)).settings.api;
  assert.equal(allowed.allowUnauthenticated, true);
});

test('a wrong variable of the environment is refused by name', () => {
  assert.throws(
    () => readSettings({ environment: { BERTH_ROOT: 'here' } }),
    /environment BERTH_ROOT: "here" is not an absolute path/,
  );
});

test('endpoints are unix sockets and TCP addresses of both families', () => {
  assert.deepEqual(parseEndpoint('unix:///a/b'), { kind: 'unix', path: '/a/b' });
  assert.deepEqual(parseEndpoint('tcp://[::1]:80'), { kind: 'tcp', address: '::1', port: 80 });
  for (const wrong of ['unix://a', 'tcp://x', 'tcp://x:99999', 'http://x:1', ''])
    assert.equal(parseEndpoint(wrong), undefined);
});
