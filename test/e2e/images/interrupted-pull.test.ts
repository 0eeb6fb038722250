import assert from 'node:assert/strict';
import { readdir, stat, watch } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { digestOf, layerOf } from '../../contract/snapshotter.ts';
import { startDaemon } from '../../support/daemon.ts';
import { faultyRegistry, noFault, type FaultyRegistry } from '../../support/faulty-registry.ts';
import { configOf, lower } from '../../support/image-archives.ts';
import { noise } from '../../support/noise.ts';

const big = layerOf([['big', 'file', { content: noise(3_000_000) }]]);
const packed = [lower, big].map((layer) => gzipSync(layer));
const digest = digestOf(packed[1] ?? Buffer.alloc(0));

/** A registry that sends two thirds of the second layer, and then no more until `goOn`. */
async function stalling(): Promise<{
  registry: FaultyRegistry;
  stalled: Promise<void>;
  cut: Promise<void>;
  ranges: () => (string | undefined)[];
}> {
  const registry = await faultyRegistry();
  registry.add('1', configOf([lower, big]), packed);
  const stalled = Promise.withResolvers<void>();
  const cut = Promise.withResolvers<void>();
  registry.fault = ({ path }, response) => {
    if (!path.endsWith(digest)) return false;
    response.once('close', () => cut.resolve());
    response.write(registry.blobs.get(digest)?.subarray(0, 2_000_000), () => stalled.resolve());
    return true;
  };
  const ranges = (): (string | undefined)[] =>
    registry.seen.filter(({ path }) => path.endsWith(digest)).map(({ headers }) => headers.range);
  return { registry, stalled: stalled.promise, cut: cut.promise, ranges };
}

/** Resolves when a file has something in it. */
async function untilSome(path: string): Promise<void> {
  for await (const { filename } of watch(dirname(path))) {
    if (filename !== basename(path)) continue;
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && found.size > 0) return;
  }
}

test('a pull that a kill of the daemon interrupts goes on with the bytes that are there', async () => {
  const { registry: made, ranges } = await stalling();
  await using registry = made;
  await using daemon = await startDaemon();
  const name = `${registry.host}/app:1`;
  const partial = join(daemon.root, 'blobs/partial', digest.slice('sha256:'.length));
  const other = join(daemon.root, 'blobs/sha256', digestOf(packed[0] ?? big).slice('sha256:'.length));
  const written = Promise.all([untilSome(partial), untilSome(other)]);
  const pulling = daemon.docker('pull', name);
  await written;
  await daemon.kill9();
  const { size } = await stat(partial);
  assert.notEqual((await pulling).code, 0);
  await daemon.start();
  assert.equal(await daemon.ok('images', '-q'), '');
  assert.deepEqual(await readdir(join(daemon.root, 'blobs/sha256')), []);
  assert.deepEqual(await readdir(join(daemon.root, 'blobs/incoming')), []);
  assert.deepEqual(await readdir(join(daemon.root, 'snapshots/committed')), []);
  assert.deepEqual(await readdir(join(daemon.root, 'snapshots/temporary')), []);
  const layers = registry.seen.filter(({ path }) => path.includes('/blobs/')).length;
  registry.fault = noFault;
  assert.match(await daemon.ok('pull', name), /Status: Downloaded newer image/);
  const [first, second, ...more] = ranges();
  assert.equal(first, undefined);
  assert.equal(second, `bytes=${size}-`);
  assert.deepEqual(more, []);
  // Of what was whole already, the other layer and the config, nothing is asked for again.
  assert.equal(registry.seen.filter(({ path }) => path.includes('/blobs/')).length, layers + 1);
  assert.deepEqual(await readdir(join(daemon.root, 'blobs/partial')), []);
});

test('a client that goes away ends its pull, and the next pull is whole', async () => {
  const { registry: made, stalled, cut } = await stalling();
  await using registry = made;
  await using daemon = await startDaemon();
  const pulling = await daemon.open('POST', `/images/create?fromImage=${registry.host}/app&tag=1`);
  await stalled;
  pulling.destroy();
  await cut;
  assert.equal(await daemon.ok('images', '-q'), '');
  registry.fault = noFault;
  assert.match(await daemon.ok('pull', `${registry.host}/app:1`), /Status: Downloaded newer image/);
});
