import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { HttpRegistryClient } from '#adapters/registry-client/registry-client.ts';
import { tarMembers } from '#domain/archive/tar-members.ts';
import { parseAnnotation } from '#domain/build/annotations.ts';
import type { Descriptor, Index, Manifest } from '#domain/image/manifest.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { BuildOutput } from '#engine/contracts.ts';
import { buildRoom, refusal } from '../support/build-room.ts';
import { imageRoom } from '../support/image-room.ts';
import { registryOptions } from '../support/registry-options.ts';
import { startRegistry } from '../support/registry.ts';

const files = { Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /a\n', amd64: 'a', arm64: 'b' };
const { signal } = new AbortController();
const quiet = { onProgress: () => undefined, signal };
const parseIndex: (text: string) => Index = JSON.parse;
const parseManifest: (text: string) => Manifest = JSON.parse;

const asked = (...texts: string[]) => ({ annotations: texts.flatMap(parseAnnotation) });

/** The documents of an archive by their digests, and what its index names. */
async function layoutOf(archive: Buffer): Promise<{ top: Descriptor[]; read: (digest: string) => string }> {
  const found = new Map<string, string>();
  for await (const { entry, body } of tarMembers(Readable.from([archive])))
    found.set(entry.name, (await buffer(body)).toString('latin1'));
  return {
    top: parseIndex(found.get('index.json') ?? '').manifests,
    read: (digest) => found.get(`blobs/${digest.replace(':', '/')}`) ?? '',
  };
}

test('an image has its annotations here, in a registry and in archives, until it is built without', async () => {
  await using registry = await startRegistry();
  const client = new HttpRegistryClient(registryOptions());
  await using room = await buildRoom({ registry: client });
  const { images } = room.room;
  const name = `${registry.host}/app:1`;
  const plain = await room.build(files, { tags: [name, 'plain'] });
  const { image } = await room.build(files, {
    tags: [name],
    ...asked('org.opencontainers.image.title=the app', 'manifest-descriptor:near=yes'),
  });
  assert.equal(image.id, plain.image.id);
  const title = { 'org.opencontainers.image.title': 'the app' };
  const here = await images.descriptor(name);
  assert.notEqual(here.digest, image.manifestDigest);
  assert.deepEqual(here.annotations, { near: 'yes' });
  assert.equal((await images.descriptor('plain')).digest, image.manifestDigest);
  assert.equal(images.get(here.digest).id, image.id);

  const { top, read } = await layoutOf(await buffer(images.save([name])));
  assert.equal(top[0]?.digest, here.digest);
  assert.equal(top[0].annotations?.['near'], 'yes');
  assert.deepEqual(parseManifest(read(here.digest)).annotations, title);

  // The registry has the same, whether its platform is named or not.
  for (const only of [image.config, undefined]) {
    const pushed = await images.push(name, { ...quiet, ...(only !== undefined && { only }) });
    assert.equal((await images.descriptor(`${registry.host}/app@${pushed.digest}`)).digest, here.digest);
    assert.equal(images.get(`${registry.host}/app@${pushed.digest}`).id, image.id);
  }
  const { content } = await client.manifest(parseReference(name), undefined, signal);
  const manifest = parseManifest(content.toString('utf8'));
  assert.deepEqual(manifest.annotations, title);
  assert.equal(manifest.config.digest, image.id);

  // What comes back finds the image here by its own manifest.
  const archive = await buffer(images.save([name]));
  for (const bring of [
    () => images.pull(name, quiet),
    () => images.load(Readable.from([archive]), () => undefined),
  ]) {
    await images.tag('plain', name);
    assert.equal((await images.descriptor(name)).digest, image.manifestDigest);
    await bring();
    assert.equal((await images.descriptor(name)).digest, here.digest);
  }

  // Another store keeps them with what it loads.
  await using other = await imageRoom();
  await other.images.load(images.save([name]), () => undefined);
  assert.equal((await other.images.descriptor(name)).digest, here.digest);

  await room.build(files, { tags: [name] });
  assert.equal((await images.descriptor(name)).digest, image.manifestDigest);
  for (const each of [name, 'plain']) await images.remove(each, { force: false, prune: true });
  assert.equal(await room.room.blobs.stat(here.digest), undefined);
});

test('archives have an image once for each manifest of it that is meant, and load it so', async () => {
  await using room = await buildRoom();
  const { images } = room.room;
  const archives: Buffer[] = [];
  const write = async (archive: Readable): Promise<void> => void archives.push(await buffer(archive));
  const { image: plain } = await room.build(files, { tags: ['app:plain'] });
  await room.build(files, { tags: ['app:noted'], ...asked('team=web') });
  const noted = await images.descriptor('app:noted');
  // The image is the same; what is built now has no annotations although the last that was built has.
  const { image } = await room.build(files, { outputs: [{ kind: 'oci', names: [], write }] });
  assert.equal(image.id, plain.id);
  const digestsIn = async (archive: Buffer): Promise<string[]> =>
    (await layoutOf(archive)).top.map(({ digest }) => digest);
  assert.deepEqual(await digestsIn(archives[0] ?? Buffer.alloc(0)), [plain.manifestDigest]);

  for (const platform of [undefined, plain.config]) {
    const archive = await buffer(images.save(['app:plain', 'app:noted'], platform));
    assert.deepEqual(await digestsIn(archive), [plain.manifestDigest, noted.digest]);
    await using other = await imageRoom();
    await other.images.load(Readable.from([archive]), () => undefined);
    assert.equal((await other.images.descriptor('app:plain')).digest, plain.manifestDigest);
    assert.equal((await other.images.descriptor('app:noted')).digest, noted.digest);
  }

  // What is on the descriptor only is not the other name's.
  await room.build(files, { tags: ['app:near'], ...asked('manifest-descriptor:near=yes') });
  const { top } = await layoutOf(await buffer(images.save(['app:plain', 'app:near'])));
  assert.deepEqual(
    top.map(({ digest, annotations }) => [digest, annotations?.['near']]),
    [
      [plain.manifestDigest, undefined],
      [plain.manifestDigest, 'yes'],
    ],
  );
});

test('an index, its descriptor and the manifests of single platforms are annotated, and attested as such', async () => {
  await using registry = await startRegistry();
  const client = new HttpRegistryClient(registryOptions());
  await using room = await buildRoom({ registry: client });
  const name = `${registry.host}/app:1`;
  const archives: Buffer[] = [];
  const write = async (archive: Readable): Promise<void> => void archives.push(await buffer(archive));
  const outputs: BuildOutput[] = [
    { kind: 'image', names: [name], push: true, compression: { type: 'gzip', force: false } },
    { kind: 'oci', names: [], write },
  ];
  await room.build(files, {
    platforms: ['linux/amd64', 'linux/arm64'],
    attest: { provenance: { mode: 'min' } },
    outputs,
    ...asked(
      ...['index:of=all', 'index-descriptor:outer=1', 'all=both', 'manifest[linux/arm64]:only=arm'],
      'manifest-descriptor[linux/amd64]:near=amd',
    ),
  });
  const { top, read } = await layoutOf(archives[0] ?? Buffer.alloc(0));
  assert.equal(top[0]?.annotations?.['outer'], '1');
  const manifestOf = async (digest: Descriptor['digest']): Promise<Manifest> => {
    const reference = { registry: registry.host, repository: 'app', digest };
    return parseManifest((await client.manifest(reference, undefined, signal)).content.toString('utf8'));
  };
  const { content } = await client.manifest(parseReference(name), undefined, signal);
  for (const [text, open] of [
    [read(top[0].digest), (digest: string) => Promise.resolve(parseManifest(read(digest)))],
    [content.toString('utf8'), manifestOf],
  ] as const) {
    const { annotations, manifests } = parseIndex(text);
    assert.deepEqual(annotations, { of: 'all' });
    const [amd, arm, ...attestations] = manifests;
    assert.ok(amd !== undefined && arm !== undefined);
    assert.deepEqual(amd.annotations, { near: 'amd' });
    assert.equal(arm.annotations, undefined);
    assert.deepEqual((await open(amd.digest)).annotations, { all: 'both' });
    assert.deepEqual((await open(arm.digest)).annotations, { all: 'both', only: 'arm' });
    assert.deepEqual(
      attestations.map((each) => each.annotations?.['vnd.docker.reference.digest']),
      [amd.digest, arm.digest],
    );
  }
  // One of them has its own manifest, too.
  const { digest } = await room.room.images.descriptor(name, { os: 'linux', architecture: 'arm64' });
  assert.deepEqual(parseManifest((await room.room.blobs.read(digest)).toString('utf8')).annotations, {
    all: 'both',
    only: 'arm',
  });
});

test('the image of one platform goes with the manifest that the index has of it', async () => {
  await using room = await buildRoom();
  const { images } = room.room;
  const arm = { os: 'linux', architecture: 'arm64' };
  await room.build(files, { platforms: ['linux/amd64', 'linux/arm64'], tags: ['app'], ...asked('all=both') });
  const gone = images.get('app', arm);
  const { digest } = await images.descriptor('app', arm);
  await images.remove('app', { force: true, prune: true, platforms: [arm] });
  const states = await images.manifests('app');
  assert.deepEqual(
    states.map(({ kind, isHere }) => [kind, isHere]),
    [
      ['image', true],
      ['image', false],
    ],
  );
  for (const blob of [digest, gone.id, ...gone.layers.map((layer) => layer.digest)])
    assert.equal(await room.room.blobs.stat(blob), undefined);
  await images.remove('app', { force: false, prune: true });
  assert.equal(await room.room.blobs.stat(states[0]?.descriptor.digest ?? digest), undefined);
});

test('what cannot be annotated is refused by name', async () => {
  await using room = await buildRoom();
  const index = await refusal(room.build(files, asked('index:k=v')));
  assert.equal(index.message, 'index annotations not supported for single platform export');
  const platform = await refusal(room.build(files, asked('manifest[linux/s390x]:k=v')));
  assert.equal(platform.message, 'invalid annotation: no platform linux/s390x found in source');
});
