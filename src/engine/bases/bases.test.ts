import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { isReader, piecesOf } from '#base/byte-reader.ts';
import { notFound } from '#base/errors.ts';
import { parseDigest, type Digest } from '#domain/image/digest.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { PullOptions } from '#engine/contracts.ts';
import type { Bootstrapper } from '#ports/bootstrapper.ts';
import type { Collection } from '#ports/state-store.ts';
import { Bases, type BasesOptions } from './bases.ts';

interface World {
  bases: Bases;
  counts: { plans: number; builds: number };
  versions: Record<string, string>;
  blobs: Map<Digest, Buffer>;
  time: number;
}

function collection<T extends object>(): Collection<T> {
  const map = new Map<string, T>();
  return {
    get: (key) => map.get(key),
    put: (key, value) => void map.set(key, value),
    note: (key, value) => void map.set(key, value),
    delete: (key) => void map.delete(key),
    drop: (keys) => keys.forEach((key) => map.delete(key)),
    entries: () => [...map],
  };
}

function bootstrapper(world: Pick<World, 'counts' | 'versions'>): Bootstrapper {
  return {
    defaultSuite: () => Promise.resolve('bookworm'),
    offers: () => Promise.resolve([]),
    kept: () => Promise.resolve([]),
    removeKept: () => Promise.resolve(),
    plan: ({ contents, suite }) => {
      world.counts.plans++;
      if (suite !== 'bookworm' && suite !== 'trixie')
        return Promise.reject(notFound('suite-unknown', `no suite ${suite}`));
      const planned = contents.wanted.map((name) => ({
        name,
        version: world.versions[`${name} ${suite}`] ?? world.versions[name] ?? '1',
      }));
      return Promise.resolve({ packages: planned, epoch: 1_700_000_000 });
    },
    build: (_request, plan) => {
      world.counts.builds++;
      return Promise.resolve(Readable.from([Buffer.from(JSON.stringify(plan.packages))]));
    },
  };
}

function blobStore(blobs: Map<Digest, Buffer>): BasesOptions['blobs'] {
  return {
    stat: (digest) =>
      Promise.resolve(blobs.has(digest) ? { digest, size: blobs.get(digest)?.length ?? 0 } : undefined),
    open: (digest) => Promise.resolve(Readable.from([blobs.get(digest)])),
    write: async (source) => {
      const parts: Uint8Array[] = [];
      for await (const part of isReader(source) ? piecesOf(source, 4096) : source) parts.push(part);
      const data = Buffer.concat(parts);
      const digest = parseDigest(`sha256:${createHash('sha256').update(data).digest('hex')}`);
      blobs.set(digest, data);
      return { digest, size: data.length };
    },
  };
}

function makeWorld(): World {
  const blobs = new Map<Digest, Buffer>();
  const committed = new Set<Digest>();
  const parts = { counts: { plans: 0, builds: 0 }, versions: {}, blobs, time: 0 };
  const bases = new Bases({
    bootstrapper: bootstrapper(parts),
    blobs: blobStore(blobs),
    snapshots: {
      isCommitted: (id) => Promise.resolve(committed.has(id)),
      unpack: (id, _parent, _layer, expected) => {
        committed.add(id);
        return Promise.resolve({ diffId: expected ?? id, size: 77 });
      },
    },
    store: { collection },
    clock: { now: () => parts.time },
    architecture: 'amd64',
  });
  return Object.assign(parts, { bases });
}

const pull = (world: World, name: string, options: Partial<PullOptions> = {}) =>
  world.bases.make(parseReference(name), {
    onProgress: () => undefined,
    signal: new AbortController().signal,
    ...options,
  });

test('an image names its packages, its user and its one layer', async () => {
  const image = await pull(makeWorld(), 'debian.berth/redis-server:bookworm');
  assert.deepEqual(image.tags, ['debian.berth/redis-server:bookworm']);
  assert.equal(image.config.config?.User, 'redis');
  assert.equal(image.config.config.Labels?.['berth.package.redis-server'], '1');
  assert.deepEqual(image.config.rootfs.diff_ids, [image.layers[0]?.digest]);
  assert.equal(image.size, 77);
});

test('two pulls of one name at once make the image once', async () => {
  const world = makeWorld();
  const [a, b] = await Promise.all([
    pull(world, 'debian.berth/nodejs:bookworm'),
    pull(world, 'debian.berth/nodejs:bookworm'),
  ]);
  assert.deepEqual(a, b);
  assert.deepEqual(world.counts, { plans: 1, builds: 1 });
});

test('after the refresh time the mirror is asked again, and only new versions make a new layer', async () => {
  const world = makeWorld();
  const first = await pull(world, 'debian.berth/nodejs:bookworm');
  world.time += 3_600_001;
  assert.deepEqual(await pull(world, 'debian.berth/nodejs:bookworm'), first);
  assert.deepEqual(world.counts, { plans: 2, builds: 1 });
  world.versions['nodejs'] = '2';
  world.time += 3_600_001;
  const second = await pull(world, 'debian.berth/nodejs:bookworm');
  assert.notEqual(second.layers[0]?.digest, first.layers[0]?.digest);
  assert.equal(second.config.config?.Labels?.['berth.package.nodejs'], '2');
});

test('a layer that was removed from the store is made again', async () => {
  const world = makeWorld();
  const first = await pull(world, 'debian.berth/nodejs:bookworm');
  world.blobs.clear();
  assert.deepEqual(await pull(world, 'debian.berth/nodejs:bookworm'), first);
  assert.equal(world.counts.builds, 2);
});

test('another platform than the host is refused by name', async () => {
  await assert.rejects(
    pull(makeWorld(), 'debian.berth/nodejs:bookworm', { platform: 'linux/s390x' }),
    /for linux\/s390x: .* linux\/amd64 only/,
  );
});

test('a version is looked for in every suite, and its image has the content of that suite', async () => {
  const world = makeWorld();
  Object.assign(world.versions, { 'python3 bookworm': '3.11.2-1+b1', 'python3 trixie': '3.13.5-1' });
  const newer = await pull(world, 'debian.berth/python:3.13');
  assert.deepEqual(newer.tags, ['debian.berth/python:3.13']);
  assert.equal(newer.config.config?.Labels?.['berth.suite'], 'trixie');
  assert.equal(newer.config.config.Labels['org.opencontainers.image.version'], '3.13.5-1');
  const same = await pull(world, 'debian.berth/python:trixie');
  assert.deepEqual(same.config, newer.config);
  const latest = await pull(world, 'debian.berth/python');
  assert.equal(latest.config.config?.Labels?.['berth.suite'], 'bookworm');
});

test('a version that no suite has is refused with those that there are', async () => {
  const world = makeWorld();
  Object.assign(world.versions, { 'python3 bookworm': '3.11.2-1+b1', 'python3 trixie': '3.13.5-1' });
  await assert.rejects(
    pull(world, 'debian.berth/python:2.7'),
    /no version 2\.7: bookworm has 3\.11\.2-1\+b1, trixie has 3\.13\.5-1$/,
  );
  await assert.rejects(pull(world, 'debian.berth/python:3.13-bookworm'), /no version 3\.13: bookworm has/);
});
