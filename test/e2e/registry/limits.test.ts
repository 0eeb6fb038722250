import assert from 'node:assert/strict';
import { readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  basic,
  digestOf,
  manifestOf,
  ociManifest,
  pushArtifact,
  pushBlob,
  serveRegistry,
  storedBlobs,
  type Answered,
  type BuiltIn,
} from '../../support/built-in-registry.ts';
import { startDaemon, TestDaemon } from '../../support/daemon.ts';
import { run } from '../../support/docker.ts';
import { smallDisk } from '../../support/small-disk.ts';

describe('what the built-in registry takes and keeps', () => {
  let daemon: TestDaemon;
  let registry: BuiltIn;
  before(async () => {
    daemon = await startDaemon();
    registry = await serveRegistry(daemon);
  });
  after(() => daemon[Symbol.asyncDispose]());

  function put(repository: string, tag: string, layer: string): Promise<Answered> {
    const headers = { 'content-type': ociManifest };
    const body = manifestOf('{}', [layer]);
    return registry.call('PUT', `${repository}/manifests/${tag}`, { body, headers });
  }

  async function upload(repository: string, body: string): Promise<Answered> {
    const digest = digestOf(body);
    return registry.call('POST', `${repository}/blobs/uploads/?digest=${digest}`, { body });
  }

  it('refuses what is beyond a quota, however it comes, and keeps nothing of it', async () => {
    await daemon.berthOk('registry', 'quotas', 'set', 'quota/*', '10k');
    await daemon.berthOk('registry', 'quotas', 'set', 'quota/**', '25k', '--together');
    assert.match(
      await daemon.berthOk('registry', 'quotas', 'ls'),
      /quota\/\* +10 KiB each\n.*25 KiB together/,
    );
    await pushArtifact(registry, 'quota/a', '1', 'a'.repeat(8000));
    const before = await storedBlobs(daemon);
    const much = 'b'.repeat(4000);
    const whole = await upload('quota/a', much);
    assert.deepEqual([whole.status, whole.codes], [403, ['DENIED']]);
    assert.match(whole.body.toString(), /'quota\/a' may hold 10240 bytes: there is room for \d+, and 4000/);
    const { headers } = await registry.call('POST', 'quota/a/blobs/uploads/');
    const location = headers.get('location') ?? '';
    assert.equal((await registry.call('PATCH', location, { body: much })).status, 403);
    assert.equal((await registry.call('PATCH', location, { body: 'small' })).status, 202);
    const file = join(daemon.folder, 'much');
    await writeFile(file, much);
    const curl = ['-sS', '-X', 'PATCH', '-H', 'Transfer-Encoding: chunked', '--data-binary', `@${file}`];
    const chunked = await run('curl', [...curl, `http://${registry.host}${location}`]);
    assert.match(chunked.stdout, /"DENIED"/, 'also when nobody says how much comes');
    assert.equal((await registry.call('GET', location)).headers.get('range'), '0-4', 'nothing of it stays');
    await registry.call('DELETE', location);
    await pushBlob(registry, 'elsewhere', much);
    const mount = `quota/a/blobs/uploads/?mount=${digestOf(much)}&from=elsewhere`;
    assert.equal((await registry.call('POST', mount)).status, 403);
    assert.equal((await upload('quota/a', 'a'.repeat(8000))).status, 201, 'what is there takes no room');
    const under = `quota/a/blobs/uploads/?digest=${digestOf('a'.repeat(8000))}`;
    const longer = await registry.call('POST', under, { body: 'x'.repeat(20_000) });
    assert.equal(longer.status, 403, 'nor may something longer come under its digest');
    for (const name of ['quota/b', 'quota/c']) await pushArtifact(registry, name, '1', name.repeat(1000));
    const all = await upload('quota/d', 'd'.repeat(9000));
    assert.match(all.body.toString(), /the repositories 'quota\/\*\*' may hold together 25600 bytes/);
    const listed = await daemon.berthOk('registry', 'ls');
    assert.match(listed, /^quota\/a +1 +1 +8\.\d+ kB +[\d.]+ k?B +[\d.]+ k?B/m);
    await registry.call('DELETE', `elsewhere/blobs/${digestOf(much)}`);
    const now = await storedBlobs(daemon);
    assert.ok(!now.includes(digestOf(much).slice(7)));
    assert.ok(before.every((blob) => now.includes(blob)));
    assert.deepEqual(await readdir(join(daemon.root, 'blobs', 'uploads')), []);
    await daemon.berthOk('registry', 'quotas', 'rm', 'quota/*');
    await daemon.berthOk('registry', 'quotas', 'rm', 'quota/**', '--together');
    assert.equal((await upload('quota/a', much)).status, 201);
  });

  it('tells docker of a quota in words', async () => {
    await daemon.berthOk('registry', 'quotas', 'set', 'small/*', '10k');
    await daemon.loadBusybox();
    const name = `${registry.host}/small/box:1`;
    await daemon.ok('tag', 'busybox', name);
    const pushed = await daemon.docker('push', name);
    assert.equal(pushed.code, 1);
    assert.match(pushed.stderr, /'small\/box' may hold 10240 bytes/);
  });

  it('neither moves nor removes immutable tags, also by retention', async () => {
    await daemon.berthOk('registry', 'immutable', 'set', 'fixed/**', '--tags', 'v*');
    const digest = await pushArtifact(registry, 'fixed/app', 'v1', 'one');
    await pushArtifact(registry, 'fixed/app', 'latest', 'one');
    await pushArtifact(registry, 'fixed/app', 'v1', 'one');
    await pushBlob(registry, 'fixed/app', 'two');
    const moved = await put('fixed/app', 'v1', 'two');
    assert.deepEqual([moved.status, moved.codes], [403, ['DENIED']]);
    assert.equal((await put('fixed/app', 'latest', 'two')).status, 201);
    for (const reference of ['v1', digest]) {
      const removed = await registry.call('DELETE', `fixed/app/manifests/${reference}`);
      assert.deepEqual([removed.status, removed.codes], [403, ['DENIED']]);
    }
    const byHand = await daemon.berth('registry', 'rm', 'fixed/app:v1');
    assert.match(byHand.stderr, /the tag 'v1' of 'fixed\/app' is immutable/);
    await daemon.berthOk('registry', 'retention', 'set', 'fixed/**', '--keep-last', '0');
    const dry = await daemon.berthOk('registry', 'gc', '--dry-run', '--grace', '0');
    assert.match(dry, /^tag {7}fixed\/app:latest/m);
    assert.doesNotMatch(dry, /fixed\/app:v1/);
    await daemon.berthOk('registry', 'gc', '--grace', '0');
    const tags = await daemon.berthOk('registry', 'tags', 'fixed/app');
    assert.match(tags, /^v1 \(immutable\)/m);
    assert.doesNotMatch(tags, /latest/);
    await daemon.berthOk('registry', 'retention', 'rm', 'fixed/**');
    await daemon.berthOk('registry', 'immutable', 'rm', 'fixed/**', '--tags', 'v*');
    await daemon.berthOk('registry', 'rm', 'fixed/app:v1');
  });

  it('never sends damaged content as if it were right, and mends it by the next push', async () => {
    const content = 'sound content '.repeat(100_000);
    await pushArtifact(registry, 'reading/app', '1', content);
    const digest = digestOf(content);
    const at = join(daemon.root, 'blobs', 'sha256', digest.slice(7));
    await writeFile(at, `X${content.slice(1)}`);
    await assert.rejects(registry.call('GET', `reading/app/blobs/${digest}`), /aborted|ECONNRESET/);
    while ((await storedBlobs(daemon)).includes(digest.slice(7)));
    assert.equal((await registry.call('GET', `reading/app/blobs/${digest}`)).status, 404);
    const { headers } = await registry.call('HEAD', 'reading/app/manifests/1');
    const manifest = (headers.get('docker-content-digest') ?? '').slice(7);
    await writeFile(join(daemon.root, 'blobs', 'sha256', manifest), '{"schemaVersion":2}');
    const damaged = await registry.call('GET', 'reading/app/manifests/1');
    assert.deepEqual([damaged.status, damaged.codes], [404, ['MANIFEST_UNKNOWN']]);
    await pushArtifact(registry, 'reading/app', '1', content);
    const again = await registry.call('GET', `reading/app/blobs/${digest}`);
    assert.equal(digestOf(again.body), digest);
    const findings = await daemon.berthOk('registry', 'verify', '--json');
    assert.doesNotMatch(findings, /damaged|missing/);
  });

  it('writes into the log who changed what, and who was refused', async () => {
    const added = ['registry', 'users', 'add', 'ci', '--grant', 'log/**=pull,push,delete'];
    assert.equal((await daemon.berth(...added, { input: 'a long password\n' })).code, 0);
    const ci = basic('ci', 'a long password');
    await pushArtifact(registry, 'log/app', '1', 'logged', ci);
    await registry.call('GET', 'log/app/manifests/1', { headers: ci });
    await registry.call('GET', 'log/app/manifests/1', { headers: basic('ci', 'wrong one') });
    await registry.call('GET', 'other/manifests/1', { headers: ci });
    const written = daemon.logged('"method":"DELETE"');
    await registry.call('DELETE', 'log/app/manifests/1?ns=secret', { headers: ci });
    await written;
    const lines = daemon.log.split('\n').filter((line) => line.includes('"msg":"registry"'));
    const parse: (line: string) => Record<string, unknown> = JSON.parse;
    const told = lines.map(parse).map(({ user, method, path, status, address }) => {
      assert.equal(address, '127.0.0.1');
      return [user, method, path, status].join(' ');
    });
    assert.deepEqual(told.slice(-4), [
      'ci PUT /v2/log/app/manifests/1 201',
      'ci GET /v2/log/app/manifests/1 401',
      'ci GET /v2/other/manifests/1 403',
      'ci DELETE /v2/log/app/manifests/1 202',
    ]);
    assert.doesNotMatch(daemon.log, /a long password|wrong one|ns=secret/);
  });
});

it('a disk that is full in an upload is told of, and with room the upload goes on where it stopped', async (t) => {
  const mib = 1024 ** 2;
  const folder = await smallDisk(t, 64 * mib);
  await using daemon = new TestDaemon(folder, {});
  await daemon.start();
  const registry = await serveRegistry(daemon);
  const begun = await registry.call('POST', 'team/app/blobs/uploads/');
  const location = begun.headers.get('location') ?? '';
  const { bavail, bsize } = await statfs(folder);
  const filler = join(folder, 'filler');
  await writeFile(filler, Buffer.alloc(bavail * bsize - 4 * mib));
  const body = 'sixteen letters!'.repeat(mib / 2);
  const full = await registry.call('PATCH', location, { body });
  assert.deepEqual([full.status, full.codes], [507, ['UNAVAILABLE']]);
  const [, end = ''] = /^0-(\d+)$/.exec(full.headers.get('range') ?? '') ?? [];
  const came = Number(end) + 1;
  assert.ok(came > mib && came < body.length, `${came} bytes came`);
  const none = await registry.call('PATCH', location, { body: body.slice(came) });
  assert.equal(none.status, 507);
  await rm(filler);
  const status = await registry.call('GET', location);
  const next = Number(/^0-(\d+)$/.exec(status.headers.get('range') ?? '')?.[1]) + 1;
  const digest = digestOf(body);
  const put = await registry.call('PUT', `${location}?digest=${digest}`, { body: body.slice(next) });
  assert.equal(put.status, 201, put.body.toString());
  assert.equal(digestOf((await registry.call('GET', `team/app/blobs/${digest}`)).body), digest);
});
