import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  addressOf,
  basic,
  pushArtifact,
  reach,
  serveRegistry,
  storedBlobs,
  type BuiltIn,
} from '../../support/built-in-registry.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { run } from '../../support/docker.ts';

describe('the built-in registry and its clients', () => {
  let daemon: TestDaemon;
  let registry: BuiltIn;
  before(async () => {
    daemon = await startDaemon();
    await daemon.loadBusybox();
    registry = await serveRegistry(daemon);
  });
  after(() => daemon[Symbol.asyncDispose]());

  it('takes what docker pushes without copying a byte, and gives it back so', async () => {
    const name = `${registry.host}/team/box:1`;
    await daemon.ok('tag', 'busybox', name);
    const before = await storedBlobs(daemon);
    const pushed = await daemon.ok('push', name);
    assert.match(pushed, /1: digest: sha256:[0-9a-f]{64} size: \d+/);
    assert.deepEqual(await storedBlobs(daemon), before);
    assert.match(await daemon.ok('push', name), /Layer already exists/);
    assert.equal(await daemon.berthOk('registry', 'url'), `localhost:${registry.host.split(':')[1] ?? ''}`);
    await daemon.ok('rmi', name, 'busybox');
    assert.deepEqual(await storedBlobs(daemon), before, 'the registry keeps what the engine let go of');
    const ids = await Promise.all(
      before.map(async (blob) => (await stat(join(daemon.root, 'blobs', 'sha256', blob))).ino),
    );
    assert.equal(await daemon.ok('run', '--rm', '--network', 'none', name, 'echo', 'hello'), 'hello');
    const again = await Promise.all(
      before.map(async (blob) => (await stat(join(daemon.root, 'blobs', 'sha256', blob))).ino),
    );
    assert.deepEqual(again, ids, 'the same files are used');
    assert.deepEqual(await storedBlobs(daemon), before);
    await daemon.ok('tag', name, 'busybox');
  });

  it('is copied to and from by skopeo, through HTTP', async () => {
    const source = `docker://${registry.host}/team/box:1`;
    const folder = join(daemon.folder, 'copied');
    const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    const copies: string[][] = [
      ['copy', '--src-tls-verify=false', source, `oci:${folder}:1`],
      ['copy', '--dest-tls-verify=false', `oci:${folder}:1`, `docker://${registry.host}/team/copied:1`],
      ['copy', ...insecure, source, `docker://${registry.host}/team/copied:2`],
    ];
    for (const words of copies) {
      const { code, stderr } = await run('skopeo', ['--insecure-policy', ...words]);
      assert.equal(code, 0, stderr);
    }
    assert.match(await daemon.berthOk('registry', 'tags', 'team/copied', '--json'), /"tag":"1".*"tag":"2"/);
    const copied = `${registry.host}/team/copied:1`;
    assert.equal(await daemon.ok('run', '--rm', '--network', 'none', copied, 'echo', 'copied'), 'copied');
  });

  it('is there again after the daemon was killed, with all that it held', async () => {
    await daemon.kill9();
    await daemon.start();
    registry = reach(await addressOf(daemon));
    const { body } = await registry.call('GET', '_catalog');
    assert.deepEqual(JSON.parse(body.toString()), { repositories: ['team/box', 'team/copied'] });
    const stopped = await daemon.berthOk('registry', 'stop');
    assert.match(stopped, /not served. It holds 2 repositories/);
    await assert.rejects(registry.call('GET', ''), /ECONNREFUSED/);
    await daemon.restart();
    assert.match(await daemon.berthOk('registry', 'status'), /not served/);
    registry = await serveRegistry(daemon);
  });

  it('asks for a login once there are users, and gives each only what was granted', async () => {
    const add = ['registry', 'users', 'add'];
    const password = { input: 'a long password\n' };
    for (const [name, grant] of [
      ['ci', 'team/**=pull,push'],
      ['reader', 'team/*=pull'],
    ] as const) {
      const made = await daemon.berth(...add, name, '--grant', grant, password);
      assert.equal(made.code, 0, made.stderr);
    }
    const none = await registry.call('GET', '');
    assert.equal(none.status, 401);
    assert.match(
      none.headers.get('www-authenticate') ?? '',
      /^Bearer realm="http:\/\/[^"]+\/token",service="berth-registry"$/,
    );
    const ci = basic('ci', 'a long password');
    const reader = basic('reader', 'a long password');
    assert.equal((await registry.call('GET', '', { headers: ci })).status, 200);
    assert.equal((await registry.call('GET', '', { headers: basic('ci', 'wrong') })).status, 401);
    assert.equal((await registry.call('GET', 'team/box/manifests/1', { headers: reader })).status, 200);
    const denied = await registry.call('POST', 'team/box/blobs/uploads/', { headers: reader });
    assert.deepEqual([denied.status, denied.codes], [403, ['DENIED']]);
    assert.equal((await registry.call('POST', 'other/blobs/uploads/', { headers: ci })).status, 403);
    assert.equal((await registry.call('DELETE', 'team/box/manifests/1', { headers: ci })).status, 403);
    await pushArtifact(registry, 'team/notes', '1', 'by ci', ci);
    const upload = await registry.call('POST', 'team/box/blobs/uploads/', { headers: ci });
    await daemon.berthOk('registry', 'users', 'grant', 'reader', 'team/box', 'pull,push');
    const others = await registry.call('GET', upload.headers.get('location') ?? '', { headers: reader });
    assert.deepEqual(
      [others.status, others.codes],
      [404, ['BLOB_UPLOAD_UNKNOWN']],
      "others' uploads do not exist",
    );
  });

  it('gives bearer tokens for as much as a user may, and takes no others', async () => {
    const parse: (text: string) => { token: string } = JSON.parse;
    const scope = 'scope=repository:team/box:pull,push&scope=repository:other:pull,delete';
    const { body } = await registry.call('GET', `/token?service=berth-registry&${scope}`, {
      headers: basic('reader', 'a long password'),
    });
    const { token } = parse(body.toString());
    const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8');
    assert.match(claims, /"repository":"team\/box","actions":\["pull","push"\]/);
    assert.match(claims, /"repository":"other","actions":\[\]/);
    const bearer = (text: string): Record<string, string> => ({ authorization: `Bearer ${text}` });
    assert.equal((await registry.call('GET', 'team/box/tags/list', { headers: bearer(token) })).status, 200);
    const more = await registry.call('GET', 'team/notes/tags/list', { headers: bearer(token) });
    assert.equal(more.status, 401);
    assert.match(more.headers.get('www-authenticate') ?? '', /insufficient_scope/);
    const none = parse((await registry.call('GET', '/token?service=berth-registry')).body.toString());
    const refused = await registry.call('GET', 'team/box/tags/list', { headers: bearer(none.token) });
    assert.equal(refused.status, 401);
    assert.match(refused.headers.get('www-authenticate') ?? '', /error="insufficient_scope"/);
    const unasked = await registry.call('GET', 'team/box/tags/list');
    assert.doesNotMatch(unasked.headers.get('www-authenticate') ?? 'error', /error/);
    const [head = '', , signature = ''] = token.split('.');
    const forged = Buffer.from(claims.replace('"reader"', '"ci"')).toString('base64url');
    for (const other of [`${head}.${forged}.${signature}`, 'a.b.c', `${head}.${forged}.`])
      assert.equal(
        (await registry.call('GET', 'team/box/tags/list', { headers: bearer(other) })).status,
        401,
      );
  });

  it('is logged in to by docker, with a token too, and refuses others in its words', async () => {
    const name = `${registry.host}/team/box:1`;
    await daemon.ok('tag', 'busybox', name);
    const refused = await daemon.docker('push', name);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /denied: requested access to the resource is denied/);
    const wrong = await daemon.docker('login', '-u', 'ci', '--password-stdin', registry.host, {
      input: 'wrong one',
    });
    assert.equal(wrong.code, 1, wrong.stdout);
    const token = await daemon.berthOk(
      'registry',
      'tokens',
      'create',
      'ci',
      '--name',
      'test',
      '--only',
      'team/box=pull,push',
    );
    assert.match(token, /^brt_[0-9a-f]{16}_[\w-]{43}$/);
    await daemon.ok('login', '-u', 'ci', '--password-stdin', registry.host, { input: token });
    await daemon.ok('push', name);
    await daemon.ok('pull', name);
    const other = `${registry.host}/team/other:1`;
    await daemon.ok('tag', name, other);
    assert.equal((await daemon.docker('push', other)).code, 1, 'the token is narrower than its user');
    await daemon.berthOk('registry', 'tokens', 'rm', token.split('_')[1] ?? '');
    assert.equal((await daemon.docker('push', name)).code, 1, 'a removed token holds no more');
  });

  it('lets everybody pull what was granted to anonymous', async () => {
    await daemon.berthOk('registry', 'users', 'grant', 'anonymous', 'team/box', 'pull');
    assert.equal((await registry.call('GET', 'team/box/manifests/1')).status, 200);
    assert.equal((await registry.call('GET', 'team/notes/manifests/1')).status, 401);
    assert.equal((await registry.call('GET', '')).status, 401, 'so that clients learn how to log in');
    await daemon.ok('logout', registry.host);
    await daemon.ok('pull', `${registry.host}/team/box:1`);
  });

  it('answers no passwords any more after many wrong ones', async () => {
    const attempts = await Promise.all(
      Array.from({ length: 14 }, () => registry.call('GET', '', { headers: basic('nobody', 'guess') })),
    );
    const last = await registry.call('GET', '', { headers: basic('nobody', 'guess') });
    assert.equal(attempts[0]?.status, 401);
    assert.deepEqual(
      [last.status, last.codes, last.headers.get('retry-after')],
      [429, ['TOOMANYREQUESTS'], '60'],
    );
  });

  it('is served with a certificate of this machine, and not in the clear to others', async () => {
    await daemon.berthOk('registry', 'stop');
    const plain = await daemon.berth('registry', 'start', '--address', '0.0.0.0:0', '--tls', 'off');
    assert.equal(plain.code, 1);
    assert.match(plain.stderr, /passwords must not be sent in the clear/);
    await daemon.berthOk(
      'registry',
      'start',
      '--address',
      '127.0.0.1:0',
      '--tls',
      'local',
      '--name',
      'registry.test',
    );
    const host = await addressOf(daemon);
    const authority = join(daemon.folder, 'ca.crt');
    const { writeFile } = await import('node:fs/promises');
    await writeFile(authority, `${await daemon.berthOk('registry', 'ca')}\n`);
    const curl = ['-sS', '--cacert', authority, '--max-time', '20'];
    const known = await run('curl', [...curl, '-u', 'ci:a long password', `https://${host}/v2/_catalog`]);
    assert.match(known.stdout, /team\/box/, known.stderr);
    const port = host.split(':')[1] ?? '';
    const byName = ['--resolve', `registry.test:${port}:127.0.0.1`, `https://registry.test:${port}/token`];
    assert.match((await run('curl', [...curl, ...byName])).stdout, /"token"/);
    assert.match((await run('curl', ['-sS', `https://${host}/v2/`])).stderr, /certificate/);
  });
});
