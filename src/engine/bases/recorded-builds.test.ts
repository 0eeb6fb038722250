import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import type { Image } from '#domain/image/image.ts';
import type { BuildRequest, Builds } from '#engine/contracts.ts';
import { MemoryState } from '../../../test/support/image-room.ts';
import { RecordedBuilds } from './recorded-builds.ts';

const image = (id: string): Image => ({
  ...{ id: `sha256:${id}`, manifestDigest: `sha256:${id}`, chainId: '', layers: [], tags: [] },
  ...{ repoDigests: [], size: 0, stored: '' },
  config: { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } },
});

class World {
  readonly state = new MemoryState();
  readonly asked: BuildRequest[] = [];
  readonly builds: RecordedBuilds;

  constructor() {
    const build = (request: BuildRequest): Promise<Image> => {
      this.asked.push(request);
      request.onSource?.('debian.berth/go', image('a'));
      request.onSource?.(`busybox@sha256:${'1'.repeat(64)}`, image('b'));
      return Promise.resolve(image(String(this.asked.length)));
    };
    const create: (prototype: null) => Builds = Object.create;
    this.builds = new RecordedBuilds(Object.assign(create(null), { build }), this.state);
  }
}

const request = (more: Partial<BuildRequest>): BuildRequest => ({
  ...{ context: { folder: '/srv/app' }, tags: ['app:1'], buildArgs: { A: 'b' }, labels: {} },
  ...{ onProgress: () => undefined, signal: new AbortController().signal },
  ...more,
});

test('a build from a folder is repeated as it was asked for, without the cache when told', async () => {
  const { builds, asked } = new World();
  await builds.build(request({ target: 'web', sourceDateEpoch: 7 }));
  const record = builds.recordOf('docker.io/library/app:1', 'sha256:1');
  assert.ok(record);
  assert.deepEqual(record.sources, [{ name: 'debian.berth/go:latest', imageId: 'sha256:a' }]);
  const { onProgress, signal } = request({});
  await builds.repeat(record, { noCache: true, onProgress, signal });
  const { context, tags, buildArgs, target, sourceDateEpoch, noCache } = asked[1] ?? request({});
  assert.deepEqual(
    { context, tags, buildArgs, target, sourceDateEpoch, noCache },
    {
      ...{ context: { folder: '/srv/app' }, tags: ['docker.io/library/app:1'], buildArgs: { A: 'b' } },
      ...{ target: 'web', sourceDateEpoch: 7, noCache: true },
    },
  );
  assert.equal(builds.recordOf('docker.io/library/app:1', 'sha256:1'), undefined);
});

test('what is not kept of a build is named; the names of its outputs count', async () => {
  const { builds } = new World();
  await builds.build(
    request({
      ...{ context: { folder: '/srv/app' }, tags: [] },
      outputs: [{ kind: 'image', names: ['app:2'], push: false }],
      secrets: () => Promise.resolve(Buffer.from('hidden')),
      platforms: ['linux/amd64', 'linux/arm64'],
    }),
  );
  const record = builds.recordOf('docker.io/library/app:2', 'sha256:1');
  assert.ok(record);
  assert.deepEqual(record.lacks, ['secrets', 'several platforms']);
});

test('a context that a client sent, or whose URL has a secret, cannot be had again, and the secret is not kept', async () => {
  for (const [context, lacks] of [
    [{ tar: Readable.from([]) }, 'a context by a client'],
    [{ remote: 'https://me:hidden@git.example/app.git' }, 'a secret in its URL'],
    [{ remote: 'https://hidden@git.example/app.git' }, 'a secret in its URL'],
    [{ remote: 'ssh://me:hidden@git.example/app.git' }, 'a secret in its URL'],
  ] as const) {
    const { builds } = new World();
    await builds.build(request({ context }));
    const record = builds.recordOf('docker.io/library/app:1', 'sha256:1');
    assert.ok(record);
    assert.deepEqual(record.lacks, [lacks]);
    assert.ok(!JSON.stringify(record).includes('hidden'));
    assert.throws(() => builds.repeat(record, request({})), { code: 'build-context-gone' });
  }
});

test('a build from a remote context is repeated from there', async () => {
  const { builds, asked } = new World();
  const context = { remote: 'https://git.example/app.git#main' };
  await builds.build(request({ context }));
  const record = builds.recordOf('docker.io/library/app:1', 'sha256:1');
  assert.ok(record);
  assert.deepEqual(record.lacks, []);
  await builds.repeat(record, request({}));
  assert.deepEqual(asked[1]?.context, context);
});

test('what was kept of images that are gone is forgotten', async () => {
  const { builds } = new World();
  await builds.build(request({}));
  builds.sweep((id) => id === 'sha256:1');
  assert.ok(builds.recordOf('docker.io/library/app:1', 'sha256:1'));
  builds.sweep(() => false);
  assert.equal(builds.recordOf('docker.io/library/app:1', 'sha256:1'), undefined);
});
