import assert from 'node:assert/strict';
import { test } from 'node:test';
import { debianAt, formatSources, parseDeb822, parseOneLine, sourcesFor } from './sources.ts';

const deb822 = `Types: deb deb-src
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://other.example/apt
Suites: nodistro
Components: main

Enabled: no
Types: deb
URIs: http://off.example/
Suites: bookworm
Components: main
`;

test('both formats of sources are read, comments, sources of sources and disabled entries left out', () => {
  assert.deepEqual(
    parseDeb822(deb822).map(({ uri, suite }) => `${uri} ${suite}`),
    [
      'http://mirror.example/debian bookworm',
      'http://mirror.example/debian bookworm-updates',
      'http://other.example/apt nodistro',
    ],
  );
  assert.deepEqual(
    parseOneLine(
      '# deb http://no.example/ a main\ndeb-src http://no.example/ b main\ndeb [arch=amd64 signed-by=/k.gpg] http://a.example/d trixie main non-free # x',
    ),
    [{ uri: 'http://a.example/d', suite: 'trixie', components: ['main', 'non-free'], signedBy: '/k.gpg' }],
  );
});

test('only the sources of the wanted suite are used; the archive of the host serves other suites too', () => {
  const host = parseDeb822(deb822);
  assert.deepEqual(
    sourcesFor('bookworm', host, 'bookworm').map(({ suite }) => suite),
    ['bookworm', 'bookworm-updates'],
  );
  assert.deepEqual(
    sourcesFor('trixie', host, 'bookworm').map(({ uri, suite }) => `${uri} ${suite}`),
    ['http://mirror.example/debian trixie', 'http://mirror.example/debian trixie-updates'],
  );
  assert.equal(sourcesFor('trixie', [], '')[0]?.suite, 'trixie');
});

test('what is written for apt reads back the same', () => {
  const sources = debianAt('http://mirror.example/debian', 'trixie');
  assert.deepEqual(parseDeb822(formatSources(sources)), sources);
  assert.equal(debianAt('http://mirror.example/debian', 'sid').length, 1);
});
