import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import {
  digestOf,
  manifestOf,
  ociManifest,
  pushArtifact,
  pushBlob,
  reach,
  serveRegistry,
  storedBlobs,
  type BuiltIn,
} from '../../support/built-in-registry.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';

describe('the upkeep of the built-in registry', () => {
  let daemon: TestDaemon;
  let registry: BuiltIn;
  let upstream: TestRegistry;
  before(async () => {
    upstream = await startRegistry();
    daemon = await startDaemon();
    await daemon.loadBusybox();
    registry = await serveRegistry(daemon);
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  async function status(path: string): Promise<number> {
    return (await registry.call('HEAD', path)).status;
  }

  it('collects what nothing needs, and never what is tagged, referred to, runs or has just come', async () => {
    const kept = await pushArtifact(registry, 'gc/app', 'kept', 'kept layer');
    const gone = await pushArtifact(registry, 'gc/app', 'gone', 'gone layer');
    const more = { artifactType: 'text/note', subject: { mediaType: ociManifest, digest: kept, size: 1 } };
    const note = await registry.call('PUT', `gc/app/manifests/${digestOf(manifestOf('{}', [], more))}`, {
      body: manifestOf('{}', [], more),
      headers: { 'content-type': ociManifest },
    });
    const referrer = note.headers.get('docker-content-digest') ?? '';
    await pushBlob(registry, 'gc/app', 'a blob that no manifest names');
    const running = `${registry.host}/gc/running:1`;
    await daemon.ok('tag', 'busybox', running);
    await daemon.ok('push', running);
    await daemon.ok('run', '-d', '--name', 'runs', '--network', 'none', running, 'sleep', '1000');
    const { headers } = await registry.call('HEAD', 'gc/running/manifests/1');
    const runs = headers.get('docker-content-digest') ?? '';
    await daemon.berthOk('registry', 'rm', 'gc/app:gone', 'gc/running:1');

    const young = await daemon.berthOk('registry', 'gc', '--untagged');
    assert.match(young, /^0 tags, 0 manifests, 0 blobs/m, 'all came within the hour of grace');
    const plan = await daemon.berthOk('registry', 'gc', '--untagged', '--grace', '0', '--dry-run');
    assert.match(plan, new RegExp(`manifest  gc/app@${gone}`));
    assert.equal(await status(`gc/app/manifests/${gone}`), 200, 'a dry run removes nothing');
    await daemon.berthOk('registry', 'gc', '--untagged', '--grace', '0');
    assert.equal(await status(`gc/app/manifests/${gone}`), 404);
    assert.equal(await status(`gc/app/manifests/kept`), 200);
    assert.equal(
      await status(`gc/app/manifests/${referrer}`),
      200,
      'what says something about what stays stays',
    );
    assert.equal(await status(`gc/running/manifests/${runs}`), 200, 'what runs stays');
    const blobs = await storedBlobs(daemon);
    for (const content of ['gone layer', 'a blob that no manifest names'])
      assert.ok(!blobs.includes(digestOf(content).slice(7)), `${content} is still in the store`);
    assert.equal(
      (await registry.call('GET', `gc/app/blobs/${digestOf('kept layer')}`)).body.toString(),
      'kept layer',
    );
    await daemon.ok('rm', '-f', 'runs');
    await daemon.berthOk('registry', 'gc', '--untagged', '--grace', '0');
    assert.equal(await status(`gc/running/manifests/${runs}`), 404);
  });

  it('lets unfinished uploads go', async () => {
    const { headers } = await registry.call('POST', 'gc/upload/blobs/uploads/');
    const location = headers.get('location') ?? '';
    await registry.call('PATCH', location, { body: 'half' });
    await daemon.berthOk('registry', 'gc');
    assert.equal((await registry.call('GET', location)).status, 204);
    await daemon.berthOk('registry', 'gc', '--upload-age', '0');
    assert.equal((await registry.call('GET', location)).status, 404);
  });

  it('keeps the newest tags of a rule, and one that runs beside them', async () => {
    const name = `${registry.host}/kept/app`;
    await daemon.ok('tag', 'busybox', `${name}:v0`);
    await daemon.ok('push', `${name}:v0`);
    await daemon.ok('run', '-d', '--name', 'old', '--network', 'none', `${name}:v0`, 'sleep', '1000');
    for (const tag of ['v1', 'v2', 'v3', 'latest'])
      await pushArtifact(registry, 'kept/app', tag, `layer ${tag}`);
    await daemon.berthOk('registry', 'retention', 'set', 'kept/*', '--tags', 'v*', '--keep-last', '2');
    const dry = await daemon.berthOk('registry', 'gc', '--dry-run', '--grace', '0');
    assert.match(dry, /tag {7}kept\/app:v1 \(beyond the newest 2\)/);
    await daemon.berthOk('registry', 'gc', '--grace', '0');
    const { body } = await registry.call('GET', 'kept/app/tags/list');
    assert.deepEqual(JSON.parse(body.toString()), { name: 'kept/app', tags: ['latest', 'v0', 'v2', 'v3'] });
    assert.ok(!(await storedBlobs(daemon)).includes(digestOf('layer v1').slice(7)));
    await daemon.berthOk('registry', 'retention', 'rm', 'kept/*', '--tags', 'v*');
    await daemon.ok('rm', '-f', 'old');
  });

  it('posts signed events, again when it was refused', async () => {
    const seen: { body: string; signature: string }[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        seen.push({ body, signature: String(request.headers['x-hub-signature-256']) });
        response.statusCode = seen.length === 1 ? 500 : 204;
        response.end();
        if (seen.length === 2) resolve();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const isAddress = (value: unknown): value is AddressInfo => typeof value === 'object' && value !== null;
    const bound = server.address();
    const url = `http://127.0.0.1:${isAddress(bound) ? bound.port : 0}/hook`;
    assert.equal((await daemon.berth('secret', 'set', 'hook_key', { input: 'the key' })).code, 0);
    const id = await daemon.berthOk(
      'registry',
      'webhooks',
      'add',
      url,
      '--repositories',
      'hook/**',
      '--secret',
      'hook_key',
    );
    await pushArtifact(registry, 'other/app', '1', 'not told');
    const digest = await pushArtifact(registry, 'hook/app', '1', 'told');
    await promise;
    assert.equal(seen[0]?.body, seen[1]?.body);
    const body = seen[1]?.body ?? '';
    assert.equal(seen[1]?.signature, `sha256=${createHmac('sha256', 'the key').update(body).digest('hex')}`);
    assert.match(
      body,
      new RegExp(`"action":"push","target":\\{[^}]*"digest":"${digest}","repository":"hook/app","tag":"1"`),
    );
    const removed = await daemon.berth('secret', 'rm', 'hook_key');
    assert.match(removed.stderr, /registry's webhook/);
    await daemon.berthOk('registry', 'webhooks', 'rm', id);
    server.close();
    server.closeAllConnections();
  });

  it('serves another registry through itself, also when that one is gone', async () => {
    const origin = reach(upstream.host);
    await daemon.ok('tag', 'busybox', `${upstream.host}/library/box:1`);
    await daemon.ok('push', `${upstream.host}/library/box:1`);
    await daemon.berthOk('registry', 'mirrors', 'add', 'hub', upstream.host, '--fresh-for', '0');
    const name = `${registry.host}/hub/library/box:1`;
    await daemon.ok('rmi', `${upstream.host}/library/box:1`);
    await daemon.ok('pull', name);
    assert.equal(await daemon.ok('run', '--rm', '--network', 'none', name, 'echo', 'mirrored'), 'mirrored');
    const byName = await registry.call('GET', `library/box/manifests/1?ns=${upstream.host}`);
    assert.equal(byName.status, 200);
    assert.equal((await registry.call('POST', 'hub/library/box/blobs/uploads/')).status, 405);
    assert.equal((await registry.call('GET', 'hub/library/none/manifests/1')).status, 404);
    assert.equal((await registry.call('GET', `hub/library/box/blobs/${digestOf('any')}`)).status, 404);
    assert.equal(
      (await origin.call('GET', 'library/box/manifests/1', { headers: { accept: ociManifest } })).status,
      200,
    );
  });

  it('finds damaged and missing blobs, sets them aside and fetches those again that can be had', async () => {
    assert.match(await daemon.berthOk('registry', 'verify'), /Everything is whole/);
    const digest = await pushArtifact(registry, 'verify/app', '1', 'whole content');
    const blob = digestOf('whole content');
    const at = (name: string): string => join(daemon.root, 'blobs', 'sha256', name.slice(7));
    await writeFile(at(blob), 'other content');
    const mirrored = await registry.call('HEAD', 'hub/library/box/manifests/1');
    const manifest = mirrored.headers.get('docker-content-digest') ?? '';
    await writeFile(at(manifest), 'damaged');
    const { code, stdout } = await daemon.berth('registry', 'verify');
    assert.equal(code, 1, stdout);
    assert.match(stdout, new RegExp(`damaged  ${blob} of verify/app: its content has the digest`));
    assert.match(stdout, new RegExp(`damaged  ${manifest} of .*repaired from ${upstream.host}/library/box`));
    assert.equal(await status(`verify/app/blobs/${blob}`), 404, 'damaged content is served to nobody');
    assert.equal(await status(`verify/app/manifests/${digest}`), 200);
    assert.equal((await registry.call('GET', 'hub/library/box/manifests/1')).status, 200);
    assert.match((await daemon.berth('registry', 'verify')).stdout, new RegExp(`missing  ${blob}`));
    await pushBlob(registry, 'verify/app', 'whole content');
    assert.match(await daemon.berthOk('registry', 'verify'), /Everything is whole/);
  });

  it('fetches damaged parts of an image again from the registry that it was pulled from', async () => {
    const name = `${upstream.host}/team/pulled:1`;
    await daemon.ok('tag', `${registry.host}/hub/library/box:1`, name);
    await daemon.ok('push', name);
    const id = await daemon.ok('inspect', '-f', '{{.Id}}', name);
    await writeFile(join(daemon.root, 'blobs', 'sha256', id.slice(7)), 'damaged');
    const { code, stdout } = await daemon.berth('registry', 'verify', '--json');
    assert.equal(code, 0, stdout);
    assert.match(stdout, new RegExp(`"kind":"damaged","digest":"${id}".*"repairedFrom":"`));
    assert.match(await daemon.berthOk('registry', 'verify'), /Everything is whole/);
  });

  it('goes on serving what it mirrored when the upstream is gone', async () => {
    await upstream[Symbol.asyncDispose]();
    upstream = await startRegistry();
    assert.equal((await registry.call('GET', 'hub/library/box/manifests/1')).status, 200);
  });
});
