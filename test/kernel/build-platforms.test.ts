import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { HttpRegistryClient } from '#adapters/registry-client/registry-client.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { Index } from '#domain/image/manifest.ts';
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
      { kind: 'image', names: [name], push: true },
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
  const pulled = await room.room.images.pull(name, {
    platform: 'linux/arm64',
    onProgress: () => undefined,
    signal,
  });
  assert.equal(pulled.config.architecture, 'arm64');
  assert.match(archives[0]?.toString('latin1') ?? '', /"platform":\{"architecture":"arm64","os":"linux"\}/);
});

test('a build for several platforms needs a place for its index, and nothing that holds one only', async () => {
  await using room = await buildRoom();
  assert.equal((await refusal(room.build(files, { platforms }))).code, 'platforms-need-output');
  const write = (): Promise<void> => Promise.resolve();
  const error = await refusal(room.build(files, { platforms, outputs: [{ kind: 'tar', write }] }));
  assert.match(error.message, /the output 'tar' of a build for several platforms is not offered/);
});
