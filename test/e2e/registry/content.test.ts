import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import {
  addressOf,
  digestOf,
  manifestOf,
  ociIndex,
  ociManifest,
  pushArtifact,
  pushBlob,
  reach,
  serveRegistry,
  storedBlobs,
  type BuiltIn,
} from '../../support/built-in-registry.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

describe('the built-in registry by raw HTTP', () => {
  let daemon: TestDaemon;
  let registry: BuiltIn;
  before(async () => {
    daemon = await startDaemon();
    registry = await serveRegistry(daemon);
  });
  after(() => daemon[Symbol.asyncDispose]());

  async function begin(repository: string): Promise<string> {
    const { status, headers } = await registry.call('POST', `${repository}/blobs/uploads/`);
    assert.equal(status, 202);
    return headers.get('location') ?? '';
  }

  it('takes a blob in chunks, refuses one out of order, and tells where to go on', async () => {
    const location = await begin('chunks/app');
    const first = await registry.call('PATCH', location, {
      body: 'hello ',
      headers: { 'content-range': '0-5' },
    });
    assert.equal(first.status, 202);
    assert.equal(first.headers.get('range'), '0-5');
    const wrong = await registry.call('PATCH', location, { body: 'x', headers: { 'content-range': '9-9' } });
    assert.equal(wrong.status, 416);
    assert.equal(wrong.headers.get('range'), '0-5');
    assert.deepEqual(wrong.codes, ['BLOB_UPLOAD_INVALID']);
    const short = await registry.call('PATCH', location, { body: 'ab', headers: { 'content-range': '6-9' } });
    assert.deepEqual([short.status, short.codes], [400, ['SIZE_INVALID']]);
    const odd = await registry.call('PATCH', location, { body: 'ab', headers: { 'content-range': 'some' } });
    assert.equal(odd.status, 400);
    const status = await registry.call('GET', location);
    assert.deepEqual([status.status, status.headers.get('range')], [204, '0-5']);
    const digest = digestOf('hello world');
    const put = await registry.call('PUT', `${location}?digest=${digest}`, { body: 'world' });
    assert.equal(put.status, 201);
    assert.equal((await registry.call('GET', `chunks/app/blobs/${digest}`)).body.toString(), 'hello world');
    assert.equal((await registry.call('GET', location)).status, 404, 'a finished upload is gone');
  });

  it('gives ranges of a blob, and refuses one beyond its end', async () => {
    const digest = await pushBlob(registry, 'ranges', '0123456789');
    const get = (range: string): ReturnType<BuiltIn['call']> =>
      registry.call('GET', `ranges/blobs/${digest}`, { headers: { range } });
    const middle = await get('bytes=2-4');
    assert.deepEqual(
      [middle.status, middle.body.toString(), middle.headers.get('content-range')],
      [206, '234', 'bytes 2-4/10'],
    );
    assert.equal((await get('bytes=-3')).body.toString(), '789');
    assert.equal((await get('bytes=8-')).body.toString(), '89');
    const beyond = await get('bytes=10-12');
    assert.deepEqual([beyond.status, beyond.headers.get('content-range')], [416, 'bytes */10']);
    assert.equal((await get('lines=1-2')).body.toString(), '0123456789');
  });

  it('refuses a blob whose digest is another one, and keeps nothing of it', async () => {
    const before = await storedBlobs(daemon);
    const wrong = digestOf('something else');
    const once = await registry.call('POST', `bad/blobs/uploads/?digest=${wrong}`, { body: 'content' });
    assert.deepEqual([once.status, once.codes], [400, ['DIGEST_INVALID']]);
    const location = await begin('bad');
    const put = await registry.call('PUT', `${location}?digest=${wrong}`, { body: 'content' });
    assert.deepEqual([put.status, put.codes], [400, ['DIGEST_INVALID']]);
    for (const digest of ['sha256:abc', 'md5:0123', '../../../etc/passwd', ''])
      assert.equal(
        (await registry.call('PUT', `${await begin('bad')}?digest=${digest}`)).status,
        400,
        digest,
      );
    assert.deepEqual(await storedBlobs(daemon), before);
  });

  it('keeps one blob of many pushes at the same time, also under the name of another hash', async () => {
    const body = 'the same content '.repeat(50_000);
    const before = await storedBlobs(daemon);
    const digests = await Promise.all(
      Array.from({ length: 12 }, (_, i) => pushBlob(registry, `same/app${i % 4}`, body)),
    );
    const sha512 = digestOf(body, 'sha512');
    const put = await registry.call('PUT', `${await begin('same/other')}?digest=${sha512}`, { body });
    assert.deepEqual([put.status, put.headers.get('docker-content-digest')], [201, sha512]);
    assert.equal(new Set(digests).size, 1);
    assert.equal((await storedBlobs(daemon)).length, before.length + 1);
    assert.equal((await registry.call('GET', `same/other/blobs/${sha512}`)).body.toString(), body);
    assert.equal((await registry.call('HEAD', `same/none/blobs/${sha512}`)).status, 404);
  });

  it('takes no path or odd name for a repository', async () => {
    const names = [
      '..',
      '../x',
      'a/../b',
      'a//b',
      'A/b',
      'a/%2e%2e/b',
      'a%2F..%2Fb',
      '.hidden',
      'a/-b',
      'a'.repeat(300),
    ];
    for (const name of names) {
      const { status } = await registry.call('POST', `${name}/blobs/uploads/`);
      assert.ok(status === 400 || status === 404, `${name}: ${status}`);
      assert.ok((await registry.call('PUT', `${name}/manifests/x`, { body: '{}' })).status >= 400, name);
    }
    const { body } = await registry.call('GET', '_catalog');
    assert.doesNotMatch(body.toString(), /\.\.|hidden/);
  });

  it('takes tags of up to 128 characters, and digests of known kinds and lengths', async () => {
    await pushBlob(registry, 'named', '{}');
    const body = manifestOf('{}', []);
    const put = (name: string): ReturnType<BuiltIn['call']> =>
      registry.call('PUT', `named/manifests/${name}`, { body, headers: { 'content-type': ociManifest } });
    const [longest, sha512] = [`T${'.'.repeat(127)}`, digestOf(body, 'sha512')];
    for (const name of [longest, '_', sha512]) {
      assert.equal((await put(name)).status, 201, name);
      assert.equal((await registry.call('GET', `named/manifests/${name}`)).body.toString(), body);
    }
    const wrong = [
      `${longest}x`,
      '-a',
      '.a',
      'a%20b',
      `sha512:${'0'.repeat(127)}`,
      `sha256:${'A'.repeat(64)}`,
    ];
    for (const name of [...wrong, `md5:${'0'.repeat(32)}`, `sha512:${'0'.repeat(128)}`])
      assert.equal((await put(name)).status, 400, name);
    const { body: tags } = await registry.call('GET', 'named/tags/list');
    assert.deepEqual(JSON.parse(tags.toString()), { name: 'named', tags: [longest, '_'] });
  });

  it('refuses manifests that name what is not there, are too large or something else', async () => {
    await pushBlob(registry, 'manifests', '{}');
    const put = (body: string, type = ociManifest): ReturnType<BuiltIn['call']> =>
      registry.call('PUT', 'manifests/manifests/x', { body, headers: { 'content-type': type } });
    const missing = await put(manifestOf('{}', ['not pushed']));
    assert.deepEqual([missing.status, missing.codes], [404, ['MANIFEST_BLOB_UNKNOWN']]);
    const index = { schemaVersion: 2, mediaType: ociIndex, manifests: [{ digest: digestOf('x'), size: 1 }] };
    assert.deepEqual((await put(JSON.stringify(index), ociIndex)).codes, ['MANIFEST_BLOB_UNKNOWN']);
    const large = await put(manifestOf('{}', [], { annotations: { a: 'x'.repeat(4 * 1024 * 1024) } }));
    assert.deepEqual([large.status, large.codes], [413, ['MANIFEST_INVALID']]);
    for (const body of [
      '',
      '[]',
      '{"schemaVersion":1}',
      'not json',
      manifestOf('{}', [], { layers: [{ digest: 'x' }] }),
    ])
      assert.deepEqual((await put(body)).codes, ['MANIFEST_INVALID'], body);
    assert.deepEqual((await put(manifestOf('{}', []), ociIndex)).codes, ['MANIFEST_INVALID']);
    const other = await registry.call('PUT', `manifests/manifests/${digestOf('other')}`, {
      body: manifestOf('{}', []),
      headers: { 'content-type': ociManifest },
    });
    assert.deepEqual([other.status, other.codes], [400, ['DIGEST_INVALID']]);
    assert.equal((await registry.call('GET', 'manifests/manifests/x')).status, 404);
  });

  it('pages tags, and lists what refers to a manifest by type', async () => {
    for (const tag of ['c', 'a', 'b']) await pushArtifact(registry, 'lists', tag, `layer ${tag}`);
    const page = await registry.call('GET', 'lists/tags/list?n=2');
    assert.deepEqual(JSON.parse(page.body.toString()), { name: 'lists', tags: ['a', 'b'] });
    const [, next = ''] = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '') ?? [];
    const rest = await registry.call('GET', next);
    assert.deepEqual(JSON.parse(rest.body.toString()), { name: 'lists', tags: ['c'] });
    assert.equal(rest.headers.get('link'), null);
    const subject = digestOf(manifestOf('{}', ['layer a']));
    const more = { artifactType: 'text/sbom', subject: { mediaType: ociManifest, digest: subject, size: 1 } };
    const put = await registry.call('PUT', `lists/manifests/${digestOf(manifestOf('{}', [], more))}`, {
      body: manifestOf('{}', [], more),
      headers: { 'content-type': ociManifest },
    });
    assert.equal(put.headers.get('oci-subject'), subject);
    const parse: (text: string) => { manifests: { artifactType: string }[] } = JSON.parse;
    const referrers = await registry.call('GET', `lists/referrers/${subject}?artifactType=text/sbom`);
    assert.equal(referrers.headers.get('oci-filters-applied'), 'artifactType');
    assert.deepEqual(
      parse(referrers.body.toString()).manifests.map(({ artifactType }) => artifactType),
      ['text/sbom'],
    );
    const none = await registry.call('GET', `lists/referrers/${subject}?artifactType=other`);
    assert.deepEqual(parse(none.body.toString()).manifests, []);
  });

  it('mounts blobs of another repository, and deletes no blob that a manifest names', async () => {
    const digest = await pushArtifact(registry, 'mount/from', '1', 'mounted');
    const blob = digestOf('mounted');
    const mount = await registry.call('POST', `mount/to/blobs/uploads/?mount=${blob}&from=mount/from`);
    assert.deepEqual([mount.status, mount.headers.get('location')], [201, `/v2/mount/to/blobs/${blob}`]);
    const other = await registry.call(
      'POST',
      `mount/to/blobs/uploads/?mount=${digestOf('none')}&from=mount/from`,
    );
    assert.equal(other.status, 202);
    assert.equal((await registry.call('DELETE', `mount/from/blobs/${blob}`)).status, 405);
    assert.equal((await registry.call('DELETE', `mount/from/manifests/${digest}`)).status, 202);
    assert.equal((await registry.call('DELETE', `mount/from/blobs/${blob}`)).status, 202);
    assert.equal((await registry.call('GET', `mount/from/blobs/${blob}`)).status, 404);
    assert.equal((await registry.call('GET', `mount/to/blobs/${blob}`)).body.toString(), 'mounted');
  });

  it('goes on with an upload whose connection broke, after the daemon was killed', async () => {
    const path = await begin('resumed');
    const [address = '', port = ''] = registry.host.split(':');
    const socket = connect(Number(port), address);
    await once(socket, 'connect');
    socket.write(`PATCH ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nfirst half `);
    while ((await registry.call('GET', path)).headers.get('range') !== '0-10');
    await daemon.kill9();
    socket.destroy();
    await daemon.start();
    const again = reach(await addressOf(daemon));
    registry = again;
    const status = await again.call('GET', path);
    assert.deepEqual([status.status, status.headers.get('range')], [204, '0-10']);
    const digest = digestOf('first half second half');
    const put = await again.call('PUT', `${path}?digest=${digest}`, {
      body: 'second half',
      headers: { 'content-range': '11-21' },
    });
    assert.equal(put.status, 201, put.body.toString());
    assert.equal(
      (await again.call('GET', `resumed/blobs/${digest}`)).body.toString(),
      'first half second half',
    );
  });
});
