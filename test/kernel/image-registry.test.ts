import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { HttpRegistryClient } from '#adapters/registry-client/registry-client.ts';
import { isKind } from '#base/errors.ts';
import { mediaTypes } from '#domain/image/manifest.ts';
import type { Progress, PullOptions } from '#engine/contracts.ts';
import { digestOf } from '../contract/snapshotter.ts';
import { configOf, dockerArchive, load, lower, store, upper } from '../support/image-archives.ts';
import { imageRoom, type ImageRoom } from '../support/image-room.ts';
import { registryOptions } from '../support/registry-options.ts';
import { credentials, startRegistry, startTokenRegistry } from '../support/registry.ts';

function client(): HttpRegistryClient & Disposable {
  const made = new HttpRegistryClient(registryOptions());
  return Object.assign(made, { [Symbol.dispose]: () => made.close() });
}

interface Heard extends PullOptions {
  lines: Progress[];
}

function listening(auth?: PullOptions['auth']): Heard {
  const lines: Progress[] = [];
  return {
    lines,
    onProgress: (line) => void lines.push(line),
    signal: new AbortController().signal,
    ...(auth !== undefined && { auth }),
  };
}

const statuses = ({ lines }: Heard): string[] => [...new Set(lines.flatMap((line) => line.status ?? []))];

async function appOf(room: ImageRoom, id: string): Promise<string> {
  const { chainId } = room.images.get(id);
  return room.snapshots.view(chainId, (root) => readFile(join(root, 'etc/app'), 'utf8'));
}

test('an image pushed to a registry is pulled elsewhere as the same image, with the progress of Docker', async () => {
  await using registry = await startRegistry();
  using http = client();
  const name = `${registry.host}/team/app:1`;
  await using from = await imageRoom({ registry: http });
  const pushed = await store(from, [name], [lower, upper]);
  const pushing = listening();
  await from.images.push(name, pushing);
  assert.deepEqual(statuses(pushing).slice(0, 2), [
    `The push refers to repository [${registry.host}/team/app]`,
    'Preparing',
  ]);
  assert.ok(statuses(pushing).includes('Pushed'));
  const digest = /^1: digest: (sha256:[0-9a-f]{64}) size: \d+$/.exec(statuses(pushing).at(-1) ?? '')?.[1];
  assert.deepEqual(from.images.get(name).repoDigests, [`${registry.host}/team/app@${digest}`]);

  await using to = await imageRoom({ registry: http });
  const pulling = listening();
  const pulled = await to.images.pull(name, pulling);
  assert.equal(pulled.id, pushed.id);
  assert.equal(pulled.manifestDigest, digest);
  assert.deepEqual(pulled.repoDigests, [`${registry.host}/team/app@${digest}`]);
  assert.equal(await appOf(to, name), 'app');
  assert.deepEqual(pulling.lines[0], { status: 'Pulling from team/app', id: '1' });
  for (const status of [
    'Pulling fs layer',
    'Verifying Checksum',
    'Download complete',
    'Extracting',
    'Pull complete',
  ])
    assert.ok(statuses(pulling).includes(status), status);
  assert.deepEqual(statuses(pulling).slice(-2), [
    `Digest: ${digest}`,
    `Status: Downloaded newer image for ${name}`,
  ]);
  const again = listening();
  await to.images.pull(name, again);
  assert.deepEqual(statuses(again).slice(-1), [`Status: Image is up to date for ${name}`]);
  assert.ok(!statuses(again).includes('Already exists'), 'as Docker, which then speaks of no layer');

  const byDigest = `${registry.host}/team/app@${digest}`;
  await using third = await imageRoom({ registry: http });
  assert.deepEqual((await third.images.pull(byDigest, listening())).tags, []);
  assert.equal(third.images.get(byDigest).id, pushed.id);
  const repeated = listening();
  await from.images.push(name, repeated);
  assert.ok(statuses(repeated).includes('Layer already exists'));
  assert.ok(!statuses(repeated).includes('Pushed'));
});

test('layers that came compressed are pushed as they came, under the manifest that they had', async () => {
  await using registry = await startRegistry();
  using http = client();
  await using room = await imageRoom({ registry: http });
  const packed = gzipSync(lower);
  const name = `${registry.host}/app:2`;
  await load(room, dockerArchive([{ config: configOf([lower]), tags: [name], layers: [packed] }]));
  await room.images.push(name, listening());
  const { descriptor, platforms } = await room.images.inspectRemote(
    name,
    undefined,
    new AbortController().signal,
  );
  assert.equal(descriptor.digest, room.images.get(name).manifestDigest);
  assert.deepEqual(platforms, [{ architecture: 'amd64', os: 'linux' }]);
  await using to = await imageRoom({ registry: http });
  assert.deepEqual(
    (await to.images.pull(name, listening())).layers.map((layer) => layer.digest),
    [digestOf(packed)],
  );
});

test('of an image for several platforms the one that is wanted is pulled', async () => {
  await using registry = await startRegistry();
  using http = client();
  await using from = await imageRoom({ registry: http });
  const signal = new AbortController().signal;
  const repository = { registry: registry.host, repository: 'multi' };
  const manifests = [];
  for (const architecture of ['arm64', 'amd64']) {
    const name = `${registry.host}/multi:${architecture}`;
    const config = { ...configOf([lower]), architecture };
    await load(from, dockerArchive([{ config, tags: [name], layers: [gzipSync(lower)] }]));
    await from.images.push(name, listening());
    const { descriptor } = await from.images.inspectRemote(name, undefined, signal);
    manifests.push({ ...descriptor, platform: { architecture, os: 'linux' } });
  }
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  const content = Buffer.from(JSON.stringify(index));
  await http.pushManifest({ ...repository, tag: 'all' }, mediaTypes.ociIndex, content, undefined, signal);

  await using to = await imageRoom({ registry: http });
  const name = `${registry.host}/multi:all`;
  assert.equal((await to.images.pull(name, listening())).config.architecture, 'amd64');
  const other = { ...listening(), platform: 'linux/arm64' };
  const pulled = await to.images.pull(name, other);
  assert.equal(pulled.config.architecture, 'arm64');
  // Both are here, under one name, which means this machine's.
  const own = to.images.get(name);
  assert.equal(own.config.architecture, 'amd64');
  assert.deepEqual(own.repoDigests, [`${registry.host}/multi@${digestOf(content)}`]);
  assert.equal(to.images.get(name, { architecture: 'arm64', os: 'linux' }).id, pulled.id);
  assert.equal(to.images.get(own.repoDigests[0] ?? '', { architecture: 'arm64', os: 'linux' }).id, pulled.id);
  await assert.rejects(
    to.images.pull(name, { ...listening(), platform: 'linux/s390x' }),
    /no matching manifest for linux\/s390x in the manifest list entries/,
  );
});

test('what is not there, not allowed or not reachable is said in the words of Docker', async () => {
  await using registry = await startRegistry();
  using http = client();
  await using room = await imageRoom({ registry: http });
  await assert.rejects(room.images.pull(`${registry.host}/none:1`, listening()), (error) => {
    assert.ok(isKind(error, 'not-found'));
    assert.match(
      error.message,
      /^manifest for 127\.0\.0\.1:\d+\/none:1 not found: manifest unknown: manifest unknown$/,
    );
    return true;
  });
  await assert.rejects(room.images.pull('127.0.0.1:1/app', listening()), (error) => {
    assert.ok(isKind(error, 'internal'));
    assert.equal(
      error.message,
      'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    );
    return true;
  });
  await assert.rejects(
    room.images.push('never:1', listening()),
    /An image does not exist locally with the tag: never/,
  );
  assert.deepEqual(room.images.list(), []);
});

test('a registry with basic authentication wants the credentials, and the right ones', async () => {
  await using registry = await startRegistry('basic');
  using http = client();
  await using room = await imageRoom({ registry: http });
  const name = `${registry.host}/private:1`;
  await store(room, [name], [lower]);
  await assert.rejects(room.images.push(name, listening()), /no basic auth credentials/);
  await assert.rejects(
    room.images.push(name, listening({ username: 'tester', password: 'wrong' })),
    /denied|unauthorized/,
  );
  await room.images.push(name, listening(credentials));
  await assert.rejects(room.images.pull(name, listening()), /no basic auth credentials/);
  await using to = await imageRoom({ registry: http });
  await to.images.pull(name, listening(credentials));
  assert.deepEqual(await room.images.login(registry.host, credentials), {
    status: 'Login Succeeded',
    identityToken: '',
  });
  await assert.rejects(room.images.login(registry.host, { username: 'tester', password: 'wrong' }), (error) =>
    isKind(error, 'unauthorized'),
  );
});

test('a registry with a token server gets a token for the scope of what is done, asked for once', async () => {
  await using registry = await startTokenRegistry();
  using http = client();
  await using room = await imageRoom({ registry: http });
  const name = `${registry.host}/private/app:1`;
  await store(room, [name], [lower, upper]);
  await assert.rejects(room.images.push(name, listening()), /unauthorized|denied/);
  await room.images.push(name, listening(credentials));
  const pushes = registry.asked.filter((query) => query.includes('account=tester'));
  assert.deepEqual([...new Set(pushes)].length, 1);
  assert.equal(new URLSearchParams(pushes[0]).get('scope'), 'repository:private/app:pull,push');
  assert.equal(new URLSearchParams(pushes[0]).get('service'), 'test-registry');
  await using to = await imageRoom({ registry: http });
  await to.images.pull(name, listening(credentials));
  assert.equal(await appOf(to, name), 'app');
  const scopes = registry.asked.map((query) => new URLSearchParams(query).get('scope'));
  assert.ok(scopes.includes('repository:private/app:pull'));
  assert.equal((await room.images.login(registry.host, credentials)).status, 'Login Succeeded');
});
