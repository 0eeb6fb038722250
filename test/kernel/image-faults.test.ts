import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { HttpRegistryClient } from '#adapters/registry-client/registry-client.ts';
import { BerthError } from '#base/errors.ts';
import { parseManifest } from '#domain/image/documents.ts';
import { mediaTypes } from '#domain/image/manifest.ts';
import type { Progress, PullOptions } from '#engine/contracts.ts';
import { digestOf, layerOf } from '../contract/snapshotter.ts';
import { faultyRegistry, noFault, type Fault, type FaultyRegistry } from '../support/faulty-registry.ts';
import { configOf, load, dockerArchive, lower, store, upper } from '../support/image-archives.ts';
import { imageRoom, type ImageRoom } from '../support/image-room.ts';
import { noise } from '../support/noise.ts';
import { registryOptions } from '../support/registry-options.ts';

const big = layerOf([['big', 'file', { content: noise(1_500_000) }]]);
const packedBig = gzipSync(big);
const bigDigest = digestOf(packedBig);

interface World extends AsyncDisposable {
  registry: FaultyRegistry;
  room: ImageRoom;
  name: string;
}

/** A registry with one image of two layers, and an empty store. */
async function world(set: Parameters<typeof registryOptions>[0] = {}): Promise<World> {
  const registry = await faultyRegistry();
  const client = new HttpRegistryClient(registryOptions(set));
  const room = await imageRoom({ registry: client });
  registry.add('1', configOf([lower, big]), [gzipSync(lower), packedBig]);
  return {
    registry,
    room,
    name: `${registry.host}/app:1`,
    [Symbol.asyncDispose]: async () => {
      client.close();
      await room[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

function listening(lines: Progress[] = []): PullOptions {
  return { onProgress: (line) => void lines.push(line), signal: new AbortController().signal };
}

const isBig = (path: string): boolean => path.endsWith(bigDigest);

/** Nothing of a failed pull shows, and the next one has it all. */
async function nextSucceeds({ registry, room, name }: World): Promise<void> {
  assert.deepEqual(room.images.list(), []);
  assert.deepEqual(await readdir(join(room.root, 'blobs/sha256')), []);
  assert.deepEqual(await room.snapshots.listCommitted(), []);
  registry.fault = noFault;
  const { chainId } = await room.images.pull(name, listening());
  const content = await room.snapshots.view(chainId, (root) => readFile(join(root, 'big')));
  assert.ok(content.equals(noise(1_500_000)));
  const partial = await readdir(join(room.root, 'blobs/partial'));
  assert.deepEqual(
    partial.filter((hex) => registry.blobs.has(`sha256:${hex}`)),
    [],
  );
}

const refused: [title: string, fault: Fault, code: string][] = [
  [
    'a layer that is corrupt',
    ({ path }, response) => isBig(path) && !!response.end(Buffer.from(packedBig).fill(7, 100, 200)),
    'blob-digest-mismatch',
  ],
  [
    'a layer that is larger than promised',
    ({ path }, response) => isBig(path) && !!response.end(Buffer.concat([packedBig, packedBig])),
    'blob-size-mismatch',
  ],
  [
    'a layer that ends early each time, with a length that says so',
    ({ path }, response) => isBig(path) && !!response.end(packedBig.subarray(0, 1000)),
    'registry-transfer-failed',
  ],
  [
    'a registry that answers 500',
    ({ path }, response) => isBig(path) && !!response.writeHead(500).end('{}'),
    'registry-failed',
  ],
  [
    'a registry that redirects without end',
    ({ path }, response) => isBig(path) && !!response.writeHead(307, { location: path }).end(),
    'registry-unreachable',
  ],
  [
    'a manifest that is none',
    ({ path }, response) => path.includes('/manifests/') && !!response.end('<html>'),
    'image-document-invalid',
  ],
  [
    'a config of more than four MiB',
    ({ path }, response) => {
      if (!path.includes('/manifests/')) return false;
      const config = { mediaType: mediaTypes.ociConfig, digest: bigDigest, size: 5 * 1024 * 1024 };
      response.end(JSON.stringify({ schemaVersion: 2, config, layers: [] }));
      return true;
    },
    'image-config-too-large',
  ],
];

describe('a pull of what a registry should not send', () => {
  for (const [title, fault, code] of refused)
    test(`${title}: ${code}, and the next try succeeds`, async () => {
      await using made = await world();
      made.registry.fault = fault;
      await assert.rejects(made.room.images.pull(made.name, listening()), (error) => {
        assert.ok(error instanceof BerthError, String(error));
        assert.equal(error.code, code, error.message);
        return true;
      });
      await nextSucceeds(made);
    });

  test('a stalled registry is given up, and the next try goes on with what came', async () => {
    await using made = await world({ stallMillis: 200 });
    const { registry, room, name } = made;
    registry.fault = ({ path }, response) => {
      if (isBig(path)) response.write(packedBig.subarray(0, 800_000));
      return isBig(path);
    };
    await assert.rejects(room.images.pull(name, listening()), /no data for 0\.2 seconds/);
    const before = registry.seen.length;
    await nextSucceeds(made);
    const ranges = registry.seen
      .slice(before)
      .flatMap(({ path, headers }) => (isBig(path) ? headers.range : []));
    assert.match(ranges.join(), /^bytes=\d{6}-$/);
  });

  test('one that answers a range with another one is asked for all of it', async () => {
    await using made = await world();
    const { registry, room, name } = made;
    let asked = 0;
    registry.fault = ({ path, headers }, response) => {
      if (!isBig(path)) return false;
      if (++asked === 1) response.write(packedBig.subarray(0, 500_000), () => response.destroy());
      else if (headers.range === undefined) return false;
      else
        response
          .writeHead(206, { 'content-range': `bytes 0-${packedBig.length - 1}/${packedBig.length}` })
          .end(packedBig);
      return true;
    };
    await room.images.pull(name, listening());
    assert.equal(asked, 3);
    assert.ok((await room.blobs.read(bigDigest)).equals(packedBig));
  });

  test('what is there of an earlier time but wrong is fetched anew at once', async () => {
    await using made = await world();
    const wrong = await made.room.blobs.resume({ digest: bigDigest, size: packedBig.length });
    async function* half(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.alloc(700_000, 'x'));
      throw new Error('power cut');
    }
    await assert.rejects(wrong?.receive(half()) ?? Promise.resolve(), /power cut/);
    await wrong?.[Symbol.asyncDispose]();
    await nextSucceeds(made);
  });
});

test('a decompression bomb is refused before it fills the disk', async (t: TestContext) => {
  await using made = await world();
  const zeros = layerOf([['zeros', 'file', { content: Buffer.alloc(8_000_000) }]]);
  made.registry.add('bomb', configOf([zeros]), [zstdCompressSync(zeros)], mediaTypes.ociLayerZstd);
  const client = new HttpRegistryClient(registryOptions());
  t.after(() => client.close());
  await using small = await imageRoom({
    registry: client,
    rules: { limits: { maxSize: 4_000_000, maxRatio: 1000 } },
  });
  const bomb = `${made.registry.host}/app:bomb`;
  await assert.rejects(small.images.pull(bomb, listening()), /as a decompression bomb does/);
  assert.deepEqual(await small.snapshots.listCommitted(), []);
  assert.equal((await made.room.images.pull(bomb, listening())).tags.length, 1);
});

test('two pulls of one image at once fetch each layer once', async () => {
  await using made = await world();
  const { registry, room, name } = made;
  registry.add('2', configOf([big]), [packedBig]);
  await Promise.all([name, name.replace(/1$/, '2')].map((one) => room.images.pull(one, listening())));
  assert.equal(registry.seen.filter(({ path }) => isBig(path)).length, 1);
});

test('a second image that shares layers costs only its own', async () => {
  await using made = await world();
  const { registry, room, name } = made;
  await room.images.pull(name, listening());
  registry.add('2', configOf([lower, big, upper]), [gzipSync(lower), packedBig, gzipSync(upper)]);
  const before = registry.seen.length;
  const lines: Progress[] = [];
  await room.images.pull(name.replace(/1$/, '2'), listening(lines));
  assert.equal(registry.seen.slice(before).filter(({ path }) => path.includes('/blobs/')).length, 2);
  assert.equal(lines.filter(({ status }) => status === 'Already exists').length, 2);
});

describe('a push', () => {
  /** A store with the image `name` whose layer is compressed as it was loaded. */
  async function loaded({ room, name }: World): Promise<void> {
    await load(room, dockerArchive([{ config: configOf([big]), tags: [name], layers: [packedBig] }]));
  }

  test('goes on where a broken upload stopped', async () => {
    await using made = await world();
    const { registry, room, name } = made;
    await loaded(made);
    registry.blobs.clear();
    let broken = false;
    registry.fault = ({ method, path }, response) => {
      if (broken || method !== 'PUT' || !path.includes(bigDigest)) return false;
      broken = true;
      registry.keep(path, packedBig.subarray(0, 600_000));
      response.destroy();
      return true;
    };
    await room.images.push(name, listening());
    const sent = registry.seen.flatMap(({ method, headers }) =>
      method === 'PATCH' ? headers['content-range'] : [],
    );
    assert.deepEqual(sent, [`600000-${packedBig.length - 1}`]);
    assert.ok(registry.blobs.get(bigDigest)?.equals(packedBig));
  });

  test('whose answer alone was lost is not sent again', async () => {
    await using made = await world();
    const { registry, room, name } = made;
    await loaded(made);
    registry.blobs.clear();
    registry.fault = ({ method, path }, response) => {
      if (method !== 'PUT' || !path.includes(bigDigest)) return false;
      registry.blobs.set(bigDigest, packedBig);
      response.destroy();
      return true;
    };
    await room.images.push(name, listening());
    assert.equal(
      registry.seen.filter(({ method, path }) => method === 'PUT' && path.includes(bigDigest)).length,
      1,
    );
    assert.ok(!registry.seen.some(({ method }) => method === 'PATCH'));
  });

  test('sends in chunks what the registry does not take at once', async () => {
    await using made = await world();
    const { registry, room, name } = made;
    await loaded(made);
    registry.blobs.clear();
    registry.fault = ({ method, headers }, response) => {
      if (method !== 'PUT' || Number(headers['content-length'] ?? 0) <= 1_000_000) return false;
      response.writeHead(413).end('{}');
      return true;
    };
    await room.images.push(name, listening());
    assert.ok(registry.blobs.get(bigDigest)?.equals(packedBig));
  });

  test('of a layer that another repository of the registry has takes it from there', async () => {
    await using made = await world();
    const { registry, room, name } = made;
    await room.images.pull(name, listening());
    const other = name.replace('/app:', '/team/other:');
    await room.images.tag(name, other);
    // As a registry that keeps its repositories apart answers.
    registry.fault = ({ method, path }, response) => {
      if (method !== 'HEAD' || !path.includes('/team/other/')) return false;
      response.writeHead(404).end();
      return true;
    };
    const lines: Progress[] = [];
    await room.images.push(other, listening(lines));
    assert.equal(lines.filter(({ status }) => status === 'Mounted from app').length, 2);
    assert.ok(
      registry.seen.some(
        ({ method, path }) => method === 'POST' && path.includes(`mount=${bigDigest}&from=app`),
      ),
    );
  });

  test('of layers stored uncompressed compresses them once', async () => {
    await using made = await world();
    const { registry, room, name } = made;
    await store(room, [name], [big]);
    await room.images.push(name, listening());
    const { layers } = parseManifest(String(registry.manifests.get('1')?.content));
    const digest = layers[0]?.digest ?? '';
    assert.ok(gunzipSync(registry.blobs.get(digest) ?? Buffer.alloc(0)).equals(big));
    const before = await stat(join(room.root, 'blobs/incoming'));
    const lines: Progress[] = [];
    await room.images.push(name, listening(lines));
    // Nothing was written, not even for a while.
    assert.equal((await stat(join(room.root, 'blobs/incoming'))).mtimeMs, before.mtimeMs);
    assert.ok(lines.some(({ status }) => status === 'Layer already exists'));
  });

  test('of all tags sends each of them', async () => {
    await using made = await world();
    const { registry, room, name } = made;
    await loaded(made);
    await room.images.tag(name, name.replace(/1$/, '2'));
    registry.manifests.clear();
    await room.images.pushAll(name.replace(/:1$/, ''), listening());
    assert.deepEqual(
      [...registry.manifests.keys()].filter((key) => key.length < 5),
      ['1', '2'],
    );
    await assert.rejects(room.images.pushAll(`${registry.host}/none`, listening()), /does not exist locally/);
  });
});
