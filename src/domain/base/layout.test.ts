import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseConfig } from './base-config.ts';
import { contentsOf } from './contents.ts';
import { isKept, layout } from './layout.ts';

const digest = `sha256:${'0'.repeat(64)}` as const;

function content(packages: string[], path: string): string {
  const found = layout(contentsOf({ packages }), '').find((entry) => entry.path === path);
  assert.ok(found?.kind === 'file');
  return found.content;
}

test('every image has root, nobody and the user of its packages, each once and with its group', () => {
  const users = content(['nodejs', 'redis-server', 'nginx'], '/etc/passwd')
    .trim()
    .split('\n')
    .map((line) => line.split(':')[0]);
  assert.deepEqual(users, ['root', 'www-data', 'nobody', 'app', 'redis']);
  assert.match(content(['redis-server'], '/etc/group'), /^redis:x:999:$/m);
  assert.match(content([], '/etc/group'), /^nogroup:x:65534:$/m);
  assert.equal(content([], '/etc/machine-id'), '');
});

test('documentation, package lists and files of this machine stay out; licences and certificates stay', () => {
  const out = [
    '/usr/share/man/man1/a.1',
    '/usr/share/doc/a/README',
    '/var/lib/apt/lists',
    '/etc/resolv.conf',
  ];
  for (const path of [
    ...out,
    '/usr/share/locale/de/a.mo',
    '/dev/null',
    '/etc/apt/sources.list',
    '/etc/hostname',
  ])
    assert.equal(isKept(path, false), false, path);
  const kept = [
    '/usr/share/doc/a/copyright',
    '/etc/ssl/certs/ca.pem',
    '/usr/lib/locale/C.utf8/LC_CTYPE',
    '/dev',
  ];
  for (const path of [...kept, '/var/lib/dpkg/status', '/usr/lib/os-release'])
    assert.equal(isKept(path, false), true, path);
  assert.equal(isKept('/etc/apt/apt.conf.d', true), true);
});

test('the image of postgresql runs the server through an entrypoint that is a program', () => {
  const entrypoint = layout(contentsOf({ packages: ['postgresql'] }), '').find(({ path }) =>
    path.endsWith('/postgres-entrypoint'),
  );
  assert.equal(entrypoint?.kind, 'file');
  assert.equal(entrypoint.mode, 0o755);
  assert.match(
    content(['postgresql'], '/usr/local/bin/pg_isready'),
    /\/usr\/lib\/postgresql\/\*\/bin\/pg_isready/,
  );
  const packages = [{ name: 'postgresql', version: '15' }];
  const made = { architecture: 'amd64', packages, epoch: 0, diffId: digest };
  const { config } = baseConfig({ packages: ['postgresql'], suite: 'bookworm' }, made);
  assert.deepEqual([config?.Entrypoint, config?.User], [['postgres-entrypoint'], 'postgres']);
  assert.ok(config?.Env?.includes('PGDATA=/var/lib/postgresql/data/cluster'));
});
