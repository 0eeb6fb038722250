import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readManifest } from './manifest.ts';
import { isImmutable } from './immutability.ts';
import { checkMirror, mirroredName, upstreamOf } from './mirror.ts';
import { checkPattern, isRepositoryName, matchesPattern, parseManifestReference } from './names.ts';
import { readQuota, roomIn } from './quota.ts';
import { parseContentRange, parseRange, uploadRange } from './ranges.ts';
import { expiredTags, type RetentionRule, type TagFacts } from './retention.ts';
import { allows, checkRight, grantedScopes, parseScopes } from './rights.ts';
import { acmeHosts, certificateHosts, ownNames, resolveTls, type ServingConfig } from './serving.ts';
import { checkWebhook, nextTry } from './webhook.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('names of repositories are those of the specification', () => {
  for (const name of ['a', 'team/app', 'a.b/c_d/e-f', 'a__b', 'docker.io/library/redis'])
    assert.equal(isRepositoryName(name), true, name);
  for (const name of [
    '',
    'A',
    '/a',
    'a/',
    'a//b',
    '..',
    'a/../b',
    '.a',
    'a-',
    'a b',
    'a%2fb',
    'a'.repeat(256),
  ])
    assert.equal(isRepositoryName(name), false, name);
});

test('the end of a manifest path is a tag or a digest', () => {
  assert.deepEqual(parseManifestReference('v1.0'), { tag: 'v1.0' });
  assert.deepEqual(parseManifestReference(digest), { digest });
  for (const text of ['.x', 'a'.repeat(129), 'sha256:abc', `md5:${'a'.repeat(32)}`, 'a/b'])
    assert.throws(() => parseManifestReference(text), /required/, text);
});

test('a star stops at a slash, two do not', () => {
  assert.equal(matchesPattern('team/*', 'team/app'), true);
  assert.equal(matchesPattern('team/*', 'team/app/web'), false);
  assert.equal(matchesPattern('team/**', 'team/app/web'), true);
  assert.equal(matchesPattern('**', 'anything/at/all'), true);
  assert.equal(matchesPattern('a.b', 'axb'), false);
  assert.throws(() => checkPattern('a(b'), /not a pattern/);
  assert.throws(() => checkPattern('*a*a*a*a*a'), /at most four/);
});

test('ranges are read as the specification and HTTP write them', () => {
  assert.deepEqual(parseContentRange('0-99'), { start: 0, end: 99 });
  assert.deepEqual(parseContentRange('bytes 5-9/100'), { start: 5, end: 9 });
  for (const text of ['9-5', '-5', '5-', 'a-b', '1-2,3-4'])
    assert.throws(() => parseContentRange(text), /cannot be read/);
  assert.deepEqual(parseRange('bytes=0-', 10), { start: 0, end: 9 });
  assert.deepEqual(parseRange('bytes=-20', 10), { start: 0, end: 9 });
  assert.deepEqual(parseRange('bytes=3-100', 10), { start: 3, end: 9 });
  assert.equal(parseRange('bytes=10-', 10), 'unsatisfiable');
  assert.equal(parseRange('bytes=-0', 10), 'unsatisfiable');
  assert.equal(parseRange('bytes=5-2', 10), 'unsatisfiable');
  for (const text of [undefined, 'bytes=0-1,4-5', 'rows=1-2']) assert.equal(parseRange(text, 10), undefined);
  assert.deepEqual([uploadRange(0), uploadRange(5)], ['0-0', '0-4']);
});

const ociManifest = 'application/vnd.oci.image.manifest.v1+json';

test('of a manifest is known what it needs, but for what is elsewhere', () => {
  const other = `sha512:${'b'.repeat(128)}`;
  const facts = readManifest(
    JSON.stringify({
      schemaVersion: 2,
      config: { mediaType: 'x/y', digest, size: 2 },
      layers: [
        { digest: other, size: 1 },
        {
          mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
          digest: `sha256:${'c'.repeat(64)}`,
          size: 1,
        },
      ],
      subject: { digest, size: 3 },
    }),
    `${ociManifest}; charset=utf-8`,
  );
  assert.deepEqual(facts.blobs, [digest, other]);
  assert.deepEqual([facts.artifactType, facts.subject, facts.mediaType], ['x/y', digest, ociManifest]);
});

test('a manifest of another shape, type or digest is refused', () => {
  const config = { digest, size: 1 };
  for (const [document, type] of [
    [{ schemaVersion: 2, mediaType: 'text/plain', config }, ''],
    [{ schemaVersion: 2, config, layers: [{ digest: 'md5:1', size: 1 }] }, ociManifest],
    [{ schemaVersion: 2, config, manifests: [] }, ociManifest],
    [{ schemaVersion: 2, config: { digest, size: -1 } }, ociManifest],
    [{ schemaVersion: 2, mediaType: ociManifest, config }, 'application/vnd.oci.image.index.v1+json'],
  ] as const)
    assert.throws(() => readManifest(JSON.stringify(document), type), { code: 'registry-manifest-invalid' });
});

test('rights allow what is granted on names that fit', () => {
  const rights = [checkRight({ repositories: 'team/*', actions: ['pull', 'push', 'pull'] })];
  assert.deepEqual(rights[0]?.actions, ['pull', 'push']);
  assert.equal(allows(rights, 'team/app', 'push'), true);
  assert.equal(allows(rights, 'team/app', 'delete'), false);
  assert.throws(() => checkRight({ repositories: '*', actions: ['admin'] }), /pull, push, delete/);
  const scopes = parseScopes([
    'repository:team/app:pull,delete repository:other:*',
    'registry:catalog:*',
    'x',
  ]);
  assert.deepEqual(grantedScopes(rights, scopes), [
    { repository: 'team/app', actions: ['pull'] },
    { repository: 'other', actions: [] },
  ]);
});

const day = 86_400_000;
const now = Date.UTC(2026, 0, 31);

function tag(name: string, daysAgo: number, more: Partial<TagFacts> = {}): TagFacts {
  const pushed = now - daysAgo * day;
  return { repository: 'team/app', tag: name, pushed, used: pushed, isNeeded: false, ...more };
}

function gone(rule: Partial<RetentionRule>, tags: TagFacts[]): string[] {
  const whole = { repositories: 'team/*', tags: '*', ...rule };
  return expiredTags(tags, [whole], now).map((one) => one.tag);
}

test('tags go by number, age and use, each repository by itself, and never what is needed', () => {
  const tags = [tag('a', 1), tag('b', 2), tag('c', 3), tag('d', 4, { isNeeded: true })];
  assert.deepEqual(gone({ keepLast: 2 }, tags), ['c']);
  assert.deepEqual(gone({ olderThan: 2.5 }, tags), ['c']);
  assert.deepEqual(gone({ olderThan: 0, keepLast: 3 }, tags), []);
  assert.deepEqual(gone({ unusedFor: 1.5 }, [tag('a', 9, { used: now }), tag('b', 9)]), ['b']);
  assert.deepEqual(gone({ keepLast: 1 }, [...tags, tag('x', 9, { repository: 'team/other' })]), ['b', 'c']);
  assert.deepEqual(gone({ keepLast: 0, tags: 'pr-*' }, [tag('pr-1', 1), tag('v1', 1)]), ['pr-1']);
  assert.deepEqual(gone({ keepLast: 0, repositories: 'other/*' }, tags), []);
});

test('a mirrored name is the longest prefix, or the host that it begins with', () => {
  const hub = { prefix: 'hub', upstream: 'docker.io', freshFor: 60 };
  const inner = { prefix: 'hub/inner', upstream: 'inner.test:5000', freshFor: 60 };
  const any = { prefix: '*', upstream: '', freshFor: 60 };
  const of = (name: string): string | undefined => {
    const found = upstreamOf([hub, inner, any], name);
    return found === undefined ? undefined : `${found.registry}/${found.repository}`;
  };
  assert.equal(of('hub/redis'), 'docker.io/library/redis');
  assert.equal(of('hub/inner/app'), 'inner.test:5000/app');
  assert.equal(of('ghcr.io/team/app'), 'ghcr.io/team/app');
  assert.equal(of('team/app'), undefined);
  assert.equal(of('hub'), undefined);
  assert.equal(mirroredName([hub], 'docker.io', 'library/redis'), 'hub/library/redis');
  assert.equal(mirroredName([hub], 'other.test', 'app'), undefined);
});

const config: ServingConfig = {
  enabled: true,
  address: '127.0.0.1:5000',
  names: [],
  tls: 'auto',
  cert: '',
  key: '',
};

test('plain HTTP and a registry without users stay on this machine', () => {
  assert.equal(resolveTls(config, false), 'off');
  assert.equal(resolveTls({ ...config, address: '[::1]:5000' }, false), 'off');
  assert.equal(resolveTls({ ...config, address: '0.0.0.0:5000' }, true), 'local');
  assert.equal(resolveTls({ ...config, address: '0.0.0.0:5000', cert: '/c', key: '/k' }, true), 'files');
  assert.throws(() => resolveTls({ ...config, address: '0.0.0.0:5000', tls: 'off' }, true), /in the clear/);
  assert.throws(() => resolveTls({ ...config, address: '10.0.0.1:5000' }, false), /everybody may write/);
  assert.throws(() => resolveTls({ ...config, cert: '/c' }, true), /go together/);
  assert.throws(() => resolveTls({ ...config, address: 'localhost' }, true), /ADDRESS:PORT/);
});

test('the engine knows its registry by loopback names and those that are given', () => {
  const names = ownNames({ ...config, address: '0.0.0.0:5000', names: ['registry.test'] }, 5000);
  for (const name of ['localhost:5000', '127.0.0.1:5000', '[::1]:5000', 'registry.test'])
    assert.ok(names.includes(name), name);
  assert.deepEqual(ownNames({ ...config, address: '10.1.2.3:5000' }, 5000), ['10.1.2.3:5000']);
  assert.deepEqual(certificateHosts({ ...config, names: ['registry.test:5000'] }).slice(0, 2), [
    'registry.test',
    '127.0.0.1',
  ]);
});

test('a certificate by ACME is for the names of the DNS, without addresses and what is of this machine only', () => {
  const names = ['Registry.test:5000', 'localhost', '10.1.2.3', 'images.test', 'registry.test'];
  assert.deepEqual(acmeHosts({ ...config, names }), ['registry.test', 'images.test']);
});

test('webhooks take no user in their URL and are tried again with growing pauses, not forever', () => {
  assert.throws(
    () => checkWebhook({ url: 'http://user:secret@host/x', events: ['push'], repositories: '**' }),
    (error) => {
      assert.ok(error instanceof Error);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    },
  );
  assert.throws(
    () => checkWebhook({ url: 'http://host', events: ['burn'], repositories: '**' }),
    /push, pull, delete/,
  );
  const pauses = Array.from({ length: 8 }, (_, i) => nextTry(i + 1));
  assert.deepEqual(pauses.slice(-2), [undefined, undefined]);
  assert.deepEqual(
    pauses.slice(0, 6),
    pauses.slice(0, 6).toSorted((a, b) => (a ?? 0) - (b ?? 0)),
  );
});

test('a mirror may stand for the repositories below a path', () => {
  const mirror = checkMirror({ prefix: 'library', upstream: 'docker.io/library', freshFor: 60 });
  const { registry, repository } = upstreamOf([mirror], 'library/redis') ?? {};
  assert.deepEqual([registry, repository], ['docker.io', 'library/redis']);
  assert.equal(mirroredName([mirror], 'docker.io', 'library/redis'), 'library/redis');
  assert.equal(mirroredName([mirror], 'docker.io', 'team/app'), undefined);
  for (const upstream of ['docker.io/', 'docker.io/A', '/library', ''])
    assert.throws(() => checkMirror({ ...mirror, upstream }), { code: 'registry-mirror-invalid' }, upstream);
});

test('the narrowest quota counts, for each repository or for all of them', () => {
  const each = readQuota({ repositories: 'team/*', limit: '10k', scope: 'each' });
  const all = readQuota({ repositories: '**', limit: '15k', scope: 'all' });
  const sizes = new Map([
    ['team/a', 9000],
    ['other', 5000],
  ]);
  assert.deepEqual(roomIn([each, all], 'team/a', sizes), { bytes: 1240, quota: each });
  assert.deepEqual(roomIn([each, all], 'team/b', sizes), { bytes: 1360, quota: all });
  assert.equal(roomIn([each], 'other', sizes), undefined);
  assert.equal(roomIn([{ ...each, limit: 1 }], 'team/a', sizes)?.bytes, 0);
  for (const limit of ['', 'much', '0', '-1'])
    assert.throws(() => readQuota({ ...each, limit }), { code: 'registry-quota-invalid' }, limit);
});

test('tags are immutable by the patterns of repository and tag', () => {
  const rules = [{ repositories: 'team/**', tags: 'v*' }];
  assert.equal(isImmutable(rules, 'team/app', 'v1'), true);
  assert.equal(isImmutable(rules, 'team/app', 'latest'), false);
  assert.equal(isImmutable(rules, 'other', 'v1'), false);
});
