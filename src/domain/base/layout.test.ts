import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKept, layout } from './layout.ts';

function content(packages: string[], path: string): string {
  const found = layout(packages, '').find((entry) => entry.path === path);
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
