import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { HttpRegistryClient } from '#adapters/registry-client/registry-client.ts';
import { readCacheDocument } from '#domain/build/cache-document.ts';
import type { LayerLimits } from '#domain/image/layer-limit.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { BuildRequest, ClientBlobs } from '#engine/contracts.ts';
import { buildRoom, type BuildRoom } from '../support/build-room.ts';
import { registryOptions } from '../support/registry-options.ts';
import { startRegistry } from '../support/registry.ts';

const files = {
  Dockerfile: `FROM base AS made
RUN echo made && mkdir /m && echo m >/m/f
FROM base
RUN echo own && mkdir /o
COPY --from=made /m /m
COPY --link a.txt /l/
`,
  'a.txt': 'a',
};

/** A second engine that has the base and nothing else. */
async function emptyRoom(
  first: BuildRoom,
  registry?: HttpRegistryClient,
  layerLimits?: LayerLimits,
): Promise<BuildRoom> {
  const room = await buildRoom({
    ...(registry !== undefined && { registry }),
    ...(layerLimits !== undefined && { layerLimits }),
  });
  await room.room.images.remove('base', { force: true, prune: true });
  const archive = Readable.from(await buffer(first.room.images.save(['base'])));
  await room.room.images.load(archive, () => undefined);
  return room;
}

function folderOf(blobs: Map<string, Buffer>, written: string[]): ClientBlobs {
  return {
    read: (digest) => {
      const found = blobs.get(digest);
      return Promise.resolve(found && Readable.from([found]));
    },
    write: async ({ digest }, content) => {
      blobs.set(digest, await buffer(content));
      written.push(digest);
    },
  };
}

test('a cache in a folder of the client gives an empty engine every step', async () => {
  const blobs = new Map<string, Buffer>();
  const written: string[] = [];
  const folder = folderOf(blobs, written);
  await using first = await buildRoom();
  const { image } = await first.build(files, { cacheTo: [{ kind: 'local', mode: 'max', blobs: folder }] });
  const digest = written.at(-1) ?? '';
  await using second = await emptyRoom(first);
  const cacheFrom: BuildRequest['cacheFrom'] = [{ kind: 'local', digest: digestOf(digest), blobs: folder }];
  const { image: again, output } = await second.build(files, { cacheFrom });
  assert.equal(again.id, image.id);
  assert.equal(output.match(/Using cache/g)?.length, 4);
  assert.doesNotMatch(output, /^(made|own)$/m);
  // What came from the cache is in the engine's own from then on.
  assert.equal((await second.build(files)).output.match(/Using cache/g)?.length, 4);
  assert.deepEqual(await second.trees.listFolders(), []);
});

test('a layer of a cache that unpacks to too much is not taken, and the build goes on', async () => {
  const blobs = new Map<string, Buffer>();
  const written: string[] = [];
  const folder = folderOf(blobs, written);
  await using first = await buildRoom();
  const { image } = await first.build(files, { cacheTo: [{ kind: 'local', mode: 'max', blobs: folder }] });
  await using second = await emptyRoom(first, undefined, { maxSize: 100, maxRatio: 1000 });
  let told = '';
  const onVertex: BuildRequest['onVertex'] = (event) => {
    if (event.kind === 'log') told += Buffer.from(event.data).toString('utf8');
  };
  const digest = digestOf(written.at(-1) ?? '');
  const { image: again, output } = await second.build(files, {
    ...{ onVertex, cacheFrom: [{ kind: 'local', digest, blobs: folder }] },
  });
  assert.match(told, /cannot use sha256:.*unpack to more than 100 bytes, as a decompression bomb does/);
  assert.match(output, /^made$/m);
  assert.equal(again.config.rootfs.diff_ids.length, image.config.rootfs.diff_ids.length);
});

test('a cache of mode min leaves out the stages that are not in the result', async () => {
  const keysOf = async (mode: 'min' | 'max'): Promise<number> => {
    const blobs = new Map<string, Buffer>();
    await using room = await buildRoom();
    await room.build(files, { cacheTo: [{ kind: 'local', mode, blobs: folderOf(blobs, []) }] });
    const documents = [...blobs.values()].map((blob) => readCacheDocument(blob.toString('utf8')));
    return Object.keys(documents.find((document) => document !== undefined)?.keys ?? {}).length;
  };
  assert.equal((await keysOf('max')) - (await keysOf('min')), 1);
});

test('a cache that lacks blobs, lies about them or is none is told of, and the build goes on', async () => {
  const blobs = new Map<string, Buffer>();
  const written: string[] = [];
  const folder = folderOf(blobs, written);
  await using first = await buildRoom();
  const { image } = await first.build(files, { cacheTo: [{ kind: 'local', mode: 'max', blobs: folder }] });
  const digest = digestOf(written.at(-1) ?? '');
  for (const each of image.layers.slice(-2)) blobs.set(each.digest, Buffer.alloc(each.size));
  await using second = await emptyRoom(first);
  const logs: string[] = [];
  const { output } = await second.build(files, {
    cacheFrom: [
      { kind: 'local', digest, blobs: folder },
      { kind: 'local', digest: digestOf(`sha256:${'0'.repeat(64)}`), blobs: folder },
    ],
    onVertex: (event) => {
      if (event.kind === 'log') logs.push(Buffer.from(event.data).toString());
      if (event.kind === 'vertex' && event.vertex.error !== undefined) logs.push(event.vertex.error);
    },
  });
  assert.match(logs.join(''), /the cache lacks the blob sha256:0000/);
  assert.match(logs.join(''), /cannot use sha256:/);
  assert.ok((output.match(/Using cache/g)?.length ?? 0) < 4);
});

test('caches in a registry and within an image give an empty engine the steps', async () => {
  await using registry = await startRegistry();
  const client = new HttpRegistryClient(registryOptions());
  const reference = `${registry.host}/app:cache`;
  const named = `${registry.host}/app:1`;
  await using first = await buildRoom({ registry: client });
  const { image } = await first.build(files, {
    cacheTo: [{ kind: 'registry', reference, mode: 'max' }, { kind: 'inline' }],
    tags: [named],
  });
  await first.room.images.push(named, { onProgress: () => undefined, signal: new AbortController().signal });
  const one = await cachedBy(first, client, [{ kind: 'registry', reference }]);
  assert.equal(one.hits, 4);
  const inline = await cachedBy(first, client, [{ kind: 'registry', reference: named }]);
  assert.equal(inline.hits, 3);
  assert.notEqual(one.id, image.id);
});

async function cachedBy(
  first: BuildRoom,
  client: HttpRegistryClient,
  cacheFrom: BuildRequest['cacheFrom'],
): Promise<{ hits: number; id: string }> {
  await using room = await emptyRoom(first, client);
  const { image, output } = await room.build(files, { ...(cacheFrom && { cacheFrom }) });
  return { hits: output.match(/Using cache/g)?.length ?? 0, id: image.id };
}

function digestOf(text: string): Digest {
  assert.match(text, /^sha256:[0-9a-f]{64}$/);
  return `sha256:${text.slice('sha256:'.length)}`;
}

test('a cache in a folder of this machine is an OCI layout, which an empty engine takes up', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-cache-'));
  try {
    await using first = await buildRoom();
    const { image } = await first.build(files, { cacheTo: [{ kind: 'folder', mode: 'max', folder }] });
    await using second = await emptyRoom(first);
    const cacheFrom: BuildRequest['cacheFrom'] = [{ kind: 'folder', folder }];
    const { image: again, output } = await second.build(files, { cacheFrom });
    assert.equal(again.id, image.id);
    assert.equal(output.match(/Using cache/g)?.length, 4);
    const names = (await readdir(folder)).sort();
    assert.deepEqual(names, ['blobs', 'index.json', 'oci-layout']);
  } finally {
    await rm(folder, { recursive: true });
  }
});
