import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { HttpRegistryClient } from '#adapters/registry-client/registry-client.ts';
import { tarMembers } from '#domain/archive/tar-members.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { Index } from '#domain/image/manifest.ts';
import type { BuildOutput, BuildRequest } from '#engine/contracts.ts';
import type { NamedFolder } from '#ports/root-files.ts';
import { buildRoom, refusal } from '../support/build-room.ts';
import { registryOptions } from '../support/registry-options.ts';
import { startRegistry } from '../support/registry.ts';

const files = { Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /a\n', amd64: 'a', arm64: 'b' };
const platforms = ['linux/amd64', 'linux/arm64'];
const parse: (text: string) => Index = JSON.parse;

test('a build for several platforms is pushed and archived as one index', async () => {
  await using registry = await startRegistry();
  const client = new HttpRegistryClient(registryOptions());
  await using room = await buildRoom({ registry: client });
  const name = `${registry.host}/app:1`;
  const archives: Buffer[] = [];
  const write = async (archive: Readable): Promise<void> => void archives.push(await buffer(archive));
  const { image } = await room.build(files, {
    platforms,
    tags: ['app'],
    outputs: [
      { kind: 'image', names: [name], push: true, compression: { type: 'zstd', force: false } },
      { kind: 'oci', names: ['app'], write },
    ],
  });
  assert.equal(room.room.images.get('app').id, image.id);
  const { signal } = new AbortController();
  const { content } = await client.manifest(parseReference(name), undefined, signal);
  const { manifests } = parse(content.toString('utf8'));
  assert.deepEqual(
    manifests.map(({ platform }) => `${platform?.os ?? ''}/${platform?.architecture ?? ''}`),
    platforms,
  );
  const [first] = manifests;
  const reference = { registry: registry.host, repository: 'app', digest: first?.digest ?? image.id };
  const { content: manifest } = await client.manifest(reference, undefined, signal);
  assert.match(manifest.toString('utf8'), /layer\.v1\.tar\+zstd/);
  const pulled = await room.room.images.pull(name, {
    platform: 'linux/arm64',
    onProgress: () => undefined,
    signal,
  });
  assert.equal(pulled.config.architecture, 'arm64');
  assert.match(archives[0]?.toString('latin1') ?? '', /"platform":\{"architecture":"arm64","os":"linux"\}/);
});

test('a build for several platforms is one name here, of which later pushes and archives have them all', async () => {
  await using registry = await startRegistry();
  const client = new HttpRegistryClient(registryOptions());
  await using room = await buildRoom({ registry: client });
  const { images } = room.room;
  const name = `${registry.host}/app:1`;
  const attest = { provenance: { mode: 'min' as const } };
  const { image } = await room.build(files, { platforms: [...platforms].reverse(), tags: [name], attest });
  assert.equal(images.get(name).id, image.id);
  assert.equal(image.config.architecture, 'amd64');
  assert.equal(images.get(name, { architecture: 'arm64', os: 'linux' }).config.architecture, 'arm64');
  const { signal } = new AbortController();
  const { digest } = await images.push(name, { onProgress: () => undefined, signal });
  const { content } = await client.manifest(parseReference(name), undefined, signal);
  assert.equal(parse(content.toString('utf8')).manifests.length, 4);
  // What it is built upon is found here for each platform.
  const upon = { Dockerfile: `FROM ${name}\nCOPY Dockerfile /b\n` };
  let attested = '';
  const onExported: BuildRequest['onExported'] = (told) => (attested = JSON.stringify(told.attested));
  const next = await room.build(upon, { platforms, tags: ['next'], attest, onExported });
  assert.equal(attested.split(digest.slice('sha256:'.length)).length, platforms.length + 1);
  const other = images.get('next', { architecture: 'arm64', os: 'linux' });
  assert.notEqual(other.id, next.image.id);
  assert.equal(await room.inside(other, (root) => readFileSync(`${root}/a`, 'utf8')), 'b');
  // Nothing is left of any platform's steps.
  for (const each of ['next', name]) await images.remove(each, { force: false, prune: true });
  assert.deepEqual(
    images.list().map(({ tags }) => tags),
    [['docker.io/library/base:latest']],
  );
});

test('files of several platforms go into a folder for each; what holds one image only is refused', async () => {
  await using room = await buildRoom();
  const folder = await room.folder({});
  const archives: Buffer[] = [];
  const write = async (archive: Readable): Promise<void> => void archives.push(await buffer(archive));
  let sent: string[] = [];
  const send = (folders: readonly NamedFolder[]): Promise<void> => {
    sent = folders.map((each) => `${each.prefix} ${readFileSync(`${each.folder}/a`, 'utf8')}`);
    return Promise.resolve();
  };
  const outputs: BuildOutput[] = [
    { kind: 'tar', write },
    { kind: 'folder', folder },
    { kind: 'local', send },
  ];
  await room.build(files, { platforms: [...platforms].reverse(), outputs });
  assert.deepEqual(sent, ['linux_amd64 a', 'linux_arm64 b']);
  assert.equal(readFileSync(`${folder}/linux_arm64/a`, 'utf8'), 'b');
  const names: string[] = [];
  for await (const { entry } of tarMembers(Readable.from(archives))) names.push(entry.name);
  assert.deepEqual(names, ['linux_amd64/', 'linux_amd64/a', 'linux_arm64/', 'linux_arm64/a']);
  const docker: BuildOutput = { kind: 'docker', names: [], write };
  const error = await refusal(room.build(files, { platforms, outputs: [docker] }));
  assert.match(error.message, /the output 'docker' of a build for several platforms is not offered/);
});
