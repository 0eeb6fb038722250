import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import { paddingOf } from '../src/domain/archive/tar-entry.ts';
import { encodeHeader, tarEnd, tarEntry } from '../src/domain/archive/tar-writer.ts';

// An image of 565 MB in 26,000 files, the same bytes always, as an OCI layout and as an archive in Docker's layout.

export type Packing = 'gzip' | 'zstd';

export interface FixtureImage {
  /** Folder of an OCI image layout; its tag is `1`. */
  layout: string;
  /** As `docker save` lays it out, its layers packed. */
  archive: string;
  /** The packed layers, from the lowest. */
  layers: string[];
}

const files = 26_000;
const imageBytes = 565 * 1000 * 1000;
/** What each layer holds of the files. */
const shares = [0.28, 0.22, 0.18, 0.14, 0.1, 0.08];
/** Of the files one in so many is large; together they hold about half of the bytes. */
const largeEvery = 250;

const mediaTypes: Record<Packing, string> = {
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
};

/** Numbers below 1, the same for the same seed (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What the files are cut from: words, and bytes in between that do not pack, as programs and libraries have. */
export function makePool(): Buffer {
  const next = numbers(1);
  const pool = Buffer.alloc(32 * 1024 * 1024);
  const words = Array.from({ length: 4000 }, () =>
    Array.from({ length: 2 + Math.floor(next() * 9) }, () =>
      String.fromCharCode(97 + Math.floor(next() * 26)),
    ).join(''),
  );
  for (let at = 0; at < pool.length;) {
    if (next() < 0.12) pool[at++] = Math.floor(next() * 256);
    else at += pool.write(`${words[Math.floor(next() ** 2 * words.length)] ?? ''} `, at, 'latin1');
  }
  return pool;
}

function* layerTar(pool: Buffer, layer: number): Generator<Uint8Array> {
  const next = numbers(100 + layer);
  const count = Math.round(files * (shares[layer] ?? 0));
  const small = imageBytes / files / 2;
  for (let file = 0; file < count; file += 1) {
    if (file % 50 === 0) yield encodeHeader(tarEntry(`usr/lib/layer${layer}/${file / 50}/`, 'directory'));
    const mean = file % largeEvery === 0 ? small * largeEvery : small;
    const size = Math.min(Math.round(mean * (0.5 + next())), pool.length);
    const start = Math.floor(next() * (pool.length - size));
    const name = `usr/lib/layer${layer}/${Math.floor(file / 50)}/file-${file}.so`;
    yield encodeHeader(tarEntry(name, 'file', { size, mtime: 1_700_000_000, mode: 0o644 }));
    yield pool.subarray(start, start + size);
    yield new Uint8Array(paddingOf(size));
  }
  yield tarEnd;
}

/** A small layer of its own on top, by which a second image differs. */
function* ownTar(pool: Buffer): Generator<Uint8Array> {
  yield encodeHeader(tarEntry('own', 'file', { size: 1_000_000 }));
  yield pool.subarray(0, 1_000_000);
  yield new Uint8Array(paddingOf(1_000_000));
  yield tarEnd;
}

/** Hashes what passes. */
class Digesting extends Transform {
  readonly #hash = createHash('sha256');
  bytes = 0;

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
    done(null, chunk);
  }

  digest(): string {
    return this.#hash.digest('hex');
  }
}

interface Layer {
  path: string;
  digest: string;
  size: number;
  diffId: string;
}

async function pack(
  folder: string,
  name: string,
  tar: Iterable<Uint8Array>,
  packing: Packing,
): Promise<Layer> {
  const [plain, packed] = [new Digesting(), new Digesting()];
  const path = join(folder, name);
  const packer = packing === 'gzip' ? createGzip() : createZstdCompress();
  await pipeline(Readable.from(tar, { objectMode: false }), plain, packer, packed, createWriteStream(path));
  return { path, digest: packed.digest(), size: packed.bytes, diffId: `sha256:${plain.digest()}` };
}

async function writeLayout(folder: string, layers: Layer[], packing: Packing): Promise<FixtureImage> {
  const blobs = join(folder, 'layout', 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const write = async (document: object): Promise<{ digest: string; size: number }> => {
    const text = JSON.stringify(document);
    const digest = createHash('sha256').update(text).digest('hex');
    await writeFile(join(blobs, digest), text);
    return { digest: `sha256:${digest}`, size: text.length };
  };
  for (const { path, digest } of layers)
    await pipeline(createReadStream(path), createWriteStream(join(blobs, digest)));
  const config = await write({
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  });
  const manifest = await write({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: layers.map(({ digest, size }) => ({
      mediaType: mediaTypes[packing],
      digest: `sha256:${digest}`,
      size,
    })),
  });
  const named = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    ...manifest,
    annotations: { 'org.opencontainers.image.ref.name': '1' },
  };
  const layout = join(folder, 'layout');
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const archive = join(folder, 'image.tar');
  await writeArchive(archive, join(blobs, config.digest.slice('sha256:'.length)), layers);
  return { layout, archive, layers: layers.map(({ path }) => path) };
}

async function writeArchive(archive: string, config: string, layers: Layer[]): Promise<void> {
  const manifest = Buffer.from(
    JSON.stringify([
      { Config: 'config.json', RepoTags: ['bench:1'], Layers: layers.map((_, at) => `${at}/layer.tar`) },
    ]),
  );
  async function* member(name: string, path: string): AsyncGenerator<Uint8Array> {
    const { size } = await stat(path);
    yield encodeHeader(tarEntry(name, 'file', { size }));
    yield* createReadStream(path);
    yield new Uint8Array(paddingOf(size));
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    for (const [at, { path }] of layers.entries()) yield* member(`${at}/layer.tar`, path);
    yield* member('config.json', config);
    yield encodeHeader(tarEntry('manifest.json', 'file', { size: manifest.length }));
    yield manifest;
    yield new Uint8Array(paddingOf(manifest.length));
    yield tarEnd;
  }
  await pipeline(all(), createWriteStream(archive));
}

/** The image, and a second one that shares all but its small topmost layer. */
export async function makeImages(
  folder: string,
  packing: Packing,
): Promise<{ image: FixtureImage; second: FixtureImage }> {
  const pool = makePool();
  for (const name of ['packed', 'first', 'second']) await mkdir(join(folder, name), { recursive: true });
  const packed = join(folder, 'packed');
  const layers = await Promise.all(
    shares.map((_, layer) => pack(packed, `layer-${layer}`, layerTar(pool, layer), packing)),
  );
  const own = await pack(packed, 'own', ownTar(pool), packing);
  return {
    image: await writeLayout(join(folder, 'first'), layers, packing),
    second: await writeLayout(join(folder, 'second'), [...layers, own], packing),
  };
}
