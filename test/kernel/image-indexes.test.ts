import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { HttpRegistryClient } from '#adapters/registry-client/registry-client.ts';
import { tarMembers } from '#domain/archive/tar-members.ts';
import type { Image } from '#domain/image/image.ts';
import type { ImageIndex } from '#domain/image/image-index.ts';
import { mediaTypes, type Index } from '#domain/image/manifest.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { IndexEntry, Progress } from '#engine/contracts.ts';
import { blobsIn, configOf, dockerArchive, load, lower, store, upper } from '../support/image-archives.ts';
import { imageRoom, type ImageRoom } from '../support/image-room.ts';
import { registryOptions } from '../support/registry-options.ts';
import { startRegistry } from '../support/registry.ts';

const [amd64, arm64] = ['amd64', 'arm64'].map((architecture) => ({ architecture, os: 'linux' }));
const predicates = [{ type: 'https://slsa.dev/provenance/v0.2', content: { builder: { id: '' } } }];
const gone = { force: false, prune: true };
const { signal } = new AbortController();
const parseIndex: (text: string) => Index = JSON.parse;

interface Two {
  own: Image;
  other: Image;
  index: ImageIndex;
}

/** Two platforms under the names, each attested. */
async function storeTwo(room: ImageRoom, names: string[]): Promise<Two> {
  const own = await store(room, [], [lower]);
  const config = { ...configOf([lower, upper]), architecture: 'arm64' };
  const other = await store(room, [], [lower, upper], { config });
  const entries: IndexEntry[] = [other, own].map(({ id }) => ({ id, predicates }));
  return { own, other, index: await room.images.storeIndex({ names, subjects: names }, entries) };
}

async function blobsOf(archive: Buffer): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for await (const { entry, body } of tarMembers(Readable.from([archive])))
    found.set(entry.name, await buffer(body));
  return found;
}

test('a name stands for several platforms, of which it means the own one; its parts go with it', async () => {
  await using room = await imageRoom();
  const { own, other, index } = await storeTwo(room, ['app:1']);
  assert.equal(room.images.get('app:1').id, own.id);
  assert.equal(room.images.get('app:1', arm64).id, other.id);
  assert.equal(room.images.get(index.digest).id, own.id);
  assert.throws(() => room.images.get('app:1', { architecture: 's390x', os: 'linux' }), {
    code: 'platform-missing',
  });
  assert.deepEqual([...room.images.parts()], [other.id]);
  assert.equal((await room.images.descriptor('app:1')).digest, index.digest);
  const states = await room.images.manifests('app:1');
  assert.deepEqual(
    states.map(({ kind, isHere, subject }) => [kind, isHere, subject]),
    [
      ['image', true, undefined],
      ['image', true, undefined],
      ['attestation', true, other.manifestDigest],
      ['attestation', true, own.manifestDigest],
    ],
  );
  // Nobody else's concern: pruning leaves the part, and so does a restart.
  await room.images.prune({ all: false, accepts: () => true });
  const images = await room.restart();
  assert.equal(images.get('app:1', arm64).id, other.id);
  await images.tag('app:1', 'app:2');
  await images.remove('app:1', gone);
  assert.equal(images.get('app:2', arm64).id, other.id);
  const removed = await images.remove('app:2', gone);
  assert.ok(removed.some((each) => 'Deleted' in each && each.Deleted === other.id));
  assert.equal(await blobsIn(room), 0);
  assert.equal((await room.snapshots.listCommitted()).length, 0);
});

test('a part that a container uses stays when its name goes, and holds that up', async () => {
  await using room = await imageRoom();
  const { other } = await storeTwo(room, ['app:1']);
  room.images.usedBy((id) => (id === other.id ? [{ containerId: 'c'.repeat(64), running: false }] : []));
  await assert.rejects(room.images.remove('app:1', gone), /container cccccccccccc is using its referenced/);
  await room.images.remove('app:1', { force: true, prune: true });
  assert.deepEqual(
    room.images.list().map(({ id }) => id),
    [other.id],
  );
  assert.equal(room.images.parts().size, 0);
});

test('one platform is removed by force, and the name means another one then', async () => {
  await using room = await imageRoom();
  const { own, other } = await storeTwo(room, ['app:1']);
  const platforms = amd64 === undefined ? [] : [amd64];
  await assert.rejects(room.images.remove('app:1', { ...gone, platforms }), { code: 'force-missing' });
  const removed = await room.images.remove('app:1', { force: true, prune: true, platforms });
  assert.ok(removed.some((each) => 'Deleted' in each && each.Deleted === own.id));
  assert.equal(room.images.get('app:1').id, other.id);
  assert.equal((await room.images.manifests('app:1')).filter(({ isHere }) => !isHere).length, 1);
});

test('an index that another one replaces goes with what only it had', async () => {
  await using room = await imageRoom();
  const { own, other, index } = await storeTwo(room, ['app:1']);
  const next = await room.images.storeIndex({ names: ['app:1'], subjects: [] }, [{ id: own.id, predicates }]);
  assert.notEqual(next.digest, index.digest);
  assert.equal(room.images.find(other.id), undefined);
  await assert.rejects(room.blobs.read(index.digest), { code: 'blob-missing' });
  // The image alone, under a name of its own, is no index.
  await room.images.tag(own.id, 'alone', amd64);
  assert.equal(room.images.index('alone'), undefined);
  assert.equal(room.images.index(own.id)?.digest, next.digest);
});

test('what a crash leaves of an index without names goes by the next change, but for what is used', async () => {
  await using room = await imageRoom();
  const { other, index } = await storeTwo(room, ['app:1']);
  room.state.collection<ImageIndex>('image-indexes').put(index.digest, { ...index, names: [] });
  const documents = room.state.collection<Image>('images');
  for (const [id, image] of documents.entries()) documents.put(id, { ...image, tags: [] });
  const images = await room.restart();
  assert.equal(images.list().length, 2);
  images.usedBy((id) => (id === other.id ? [{ containerId: 'c'.repeat(64), running: true }] : []));
  await images.prune({ all: false, accepts: () => false });
  assert.deepEqual(
    images.list().map(({ id }) => id),
    [other.id],
  );
  await assert.rejects(room.blobs.read(index.digest), { code: 'blob-missing' });
  assert.equal(room.state.collection('image-indexes').entries().length, 0);
});

test('a part that somebody works with stays until that is over', async () => {
  await using room = await imageRoom();
  const { other } = await storeTwo(room, ['app:1']);
  const lease = room.images.lease();
  await lease.hold(other.id);
  await room.images.remove('app:1', gone);
  assert.equal(room.images.find(other.id)?.id, other.id);
  await lease.close();
  await room.images.prune({ all: false, accepts: () => false });
  assert.equal(await blobsIn(room), 0);
});

test('loads and removals of the same index at once end with it whole or gone', async () => {
  await using room = await imageRoom();
  const { index } = await storeTwo(room, ['app:1']);
  const archive = await buffer(room.images.save(['app:1']));
  for (let round = 0; round < 6; round++) {
    const remove = (): Promise<unknown> => room.images.remove('app:1', gone).catch(() => undefined);
    await Promise.all([remove(), load(room, archive), load(room, archive), remove()]);
    const isHere = room.images.find('app:1') !== undefined;
    assert.equal((await room.images.manifests('app:1').catch(() => [])).length, isHere ? 4 : 0);
    const states = isHere ? await room.images.manifests('app:1') : [];
    assert.ok(states.every((state) => state.isHere));
    const saved = isHere ? await buffer(room.images.save(['app:1'])) : archive;
    assert.ok(saved.equals(archive), `in round ${round}`);
    if (!isHere) await load(room, archive);
  }
  assert.equal((await room.images.descriptor('app:1')).digest, index.digest);
  await room.images.remove('app:1', gone);
  await room.images.prune({ all: true, accepts: () => true });
  assert.equal(await blobsIn(room), 0);
  assert.equal(room.images.list().length, 0);
});

test('what is saved of an index loads elsewhere to the very same one, or to one platform of it', async () => {
  await using room = await imageRoom();
  const { own, other, index } = await storeTwo(room, ['app:1']);
  const archive = await buffer(room.images.save(['app:1']));
  assert.ok((await blobsOf(archive)).has(`blobs/${index.digest.replace(':', '/')}`));
  await using there = await imageRoom();
  assert.deepEqual(
    (await load(there, archive)).flatMap(({ stream }) => stream ?? []),
    ['Loaded image: app:1\n'],
  );
  assert.equal(there.images.get('app:1').id, own.id);
  assert.deepEqual({ ...there.images.index('app:1'), names: [] }, { ...index, names: [] });
  assert.ok((await buffer(there.images.save(['app:1']))).equals(archive));

  await using single = await imageRoom();
  const wanted = arm64 === undefined ? [] : [arm64];
  await single.images.load(Readable.from([archive]), () => undefined, wanted);
  assert.equal(single.images.get('app:1').id, other.id);
  assert.equal(single.images.list().length, 1);
  const one = await blobsOf(await buffer(room.images.save(['app:1'], arm64)));
  assert.ok(!one.has(`blobs/${index.digest.replace(':', '/')}`));
  assert.match(one.get('manifest.json')?.toString('utf8') ?? '', new RegExp(other.id.slice(7)));
  await assert.rejects(
    single.images.load(Readable.from([archive]), () => undefined, [{ architecture: 's390x', os: 'linux' }]),
    /loading images: app:1 is for other platforms; required is linux\/s390x/,
  );
});

test('an index of images that are here with other layers is kept as it came', async () => {
  await using packed = await imageRoom();
  const arm = { ...configOf([lower, upper]), architecture: 'arm64' };
  const images = [
    { config: configOf([lower]), tags: ['own'], layers: [gzipSync(lower)] },
    { config: arm, tags: ['other'], layers: [gzipSync(lower), gzipSync(upper)] },
  ];
  await load(packed, dockerArchive(images));
  const entries = ['own', 'other'].map((name) => ({ id: packed.images.get(name).id, predicates }));
  const index = await packed.images.storeIndex({ names: ['packed'], subjects: [] }, entries);
  const archive = await buffer(packed.images.save(['packed']));

  await using room = await imageRoom();
  const { own } = await storeTwo(room, ['app:1']);
  await load(room, archive);
  assert.equal(room.images.get('packed').id, own.id);
  assert.equal((await room.images.descriptor('packed')).digest, index.digest);
  const again = await blobsOf(await buffer(room.images.save(['packed'])));
  for (const [name, content] of await blobsOf(archive))
    if (name.startsWith('blobs/')) assert.ok(again.get(name)?.equals(content), name);
  for (const name of ['packed', 'app:1']) await room.images.remove(name, gone);
  assert.equal(await blobsIn(room), 0);
});

test('an index is pushed whole, its attestations speak of what is there, and what is pulled of it is not', async () => {
  await using registry = await startRegistry();
  using client = Object.assign(new HttpRegistryClient(registryOptions()), {
    [Symbol.dispose]: () => client.close(),
  });
  await using room = await imageRoom({ registry: client });
  const name = `${registry.host}/app:1`;
  const { own, other } = await storeTwo(room, [name]);
  const pushed = await room.images.push(name, { onProgress: () => undefined, signal });
  assert.deepEqual(room.images.get(name).repoDigests, [`${registry.host}/app@${pushed.digest}`]);
  const { content } = await client.manifest(parseReference(name), undefined, signal);
  const { manifests } = parseIndex(content.toString('utf8'));
  const read = async (digest: string): Promise<string> =>
    (
      await fetch(`http://${registry.host}/v2/app/manifests/${digest}`, {
        headers: { accept: mediaTypes.ociManifest },
      })
    ).text();
  for (const [place, image] of [other, own].entries()) {
    const [entry, attestation] = [manifests[place], manifests[place + 2]];
    assert.match(await read(entry?.digest ?? ''), new RegExp(`${image.id}.*tar\\+gzip`));
    assert.equal(attestation?.annotations?.['vnd.docker.reference.digest'], entry?.digest);
    const [statement] = /sha256:[0-9a-f]{64}(?=[^}]*in-toto.io.predicate)/.exec(
      await read(attestation?.digest ?? ''),
    ) ?? [''];
    const text = await (await fetch(`http://${registry.host}/v2/app/blobs/${statement}`)).text();
    assert.match(text, new RegExp(`"sha256":"${entry?.digest.slice(7)}"`));
  }

  await using there = await imageRoom({ registry: client });
  await there.images.pull(name, { onProgress: () => undefined, signal });
  assert.equal(there.images.get(name).id, own.id);
  const states = await there.images.manifests(name);
  assert.deepEqual(
    states.map(({ isHere }) => isHere),
    [false, true, false, false],
  );
  const lines: Progress[] = [];
  await there.images.tag(name, `${registry.host}/copy:1`);
  await there.images.push(`${registry.host}/copy:1`, { onProgress: (line) => void lines.push(line), signal });
  const note = lines.at(-1)?.aux;
  assert.equal(note?.['manifestPushedInsteadOfIndex'], true);
  assert.deepEqual(note['originalIndex'], await there.images.descriptor(name));
  await there.images.pull(name, { onProgress: () => undefined, signal, platform: 'linux/arm64' });
  const chain = there.images.get(name, arm64);
  await there.snapshots.view(chain.chainId, async (root) => {
    assert.equal(await readFile(join(root, 'etc/app'), 'utf8'), 'app');
  });
});
