import type { Readable } from 'node:stream';
import {
  cacheMediaType,
  imageUnder,
  readCacheDocument,
  type CacheDocument,
  type CachedImage,
} from '#domain/build/cache-document.ts';
import type { Digest } from '#domain/image/digest.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { Descriptor, ImageConfig, Index, Manifest } from '#domain/image/manifest.ts';
import type { BuildRequest, CacheSource } from '#engine/contracts.ts';
import { sourceInFolder } from '#engine/builds/folder-caches.ts';
import { credentialsFor } from '#engine/builds/credentials.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
import type { Vertex, Vertices } from '#engine/builds/vertices.ts';
import { textDigest } from '#engine/builds/text-digest.ts';
import { limitedBytes } from '#base/bytes.ts';
import { BerthError, invalid, messageOf } from '#base/errors.ts';

/** Above this, in bytes, a cache's document is not read. */
const largestDocument = 64 * 1024 * 1024;

type Fetch = (blob: Descriptor) => Promise<Readable>;

/** A place whose documents and layers can be read. */
interface Place {
  manifest: () => Promise<string>;
  fetch: Fetch;
}

/** One cache that was read, of which layers are fetched when they are used. */
interface ImportedCache {
  document: CacheDocument;
  fetch: Fetch;
  vertex: Vertex;
}

export interface ImportedImage extends CachedImage {
  layers: CacheDocument['layers'];
  fetch: Fetch;
  /** Says that it could not be used after all. */
  complain: (error: unknown) => Promise<void>;
}

/** The caches that a build is given (`--cache-from`). One that cannot be read is told of, and the build goes on. */
export class ImportedCaches {
  readonly #caches: ImportedCache[];

  constructor(caches: ImportedCache[]) {
    this.#caches = caches;
  }

  static async open(
    parts: Pick<BuildParts, 'registry' | 'layouts'>,
    request: BuildRequest,
    vertices: Vertices,
  ): Promise<ImportedCaches> {
    const opening = (request.cacheFrom ?? []).map((source) => openCache(parts, request, source, vertices));
    return new ImportedCaches((await Promise.all(opening)).filter((cache) => cache !== undefined));
  }

  /** What one of the caches has under a key. */
  find(key: string): ImportedImage | undefined {
    for (const { document, fetch, vertex } of this.#caches) {
      const found = imageUnder(document, key);
      // The digest is what says that the configuration is that of the image.
      if (found === undefined || textDigest(found.text) !== found.id) continue;
      const complain = (error: unknown): Promise<void> =>
        vertex.log(2, Buffer.from(`cannot use ${found.id}: ${messageOf(error)}\n`));
      return { id: found.id, config: found.config, layers: document.layers, fetch, complain };
    }
    return undefined;
  }
}

async function openCache(
  parts: Pick<BuildParts, 'registry' | 'layouts'>,
  request: BuildRequest,
  source: CacheSource,
  vertices: Vertices,
): Promise<ImportedCache | undefined> {
  const name =
    source.kind === 'local' ? source.digest : source.kind === 'folder' ? source.folder : source.reference;
  const vertex = vertices.add(`importing cache manifest from ${name}`);
  try {
    return await vertex.run(async () => {
      const place = await placeOf(parts, request, source);
      return { document: await readCache(place), fetch: place.fetch, vertex };
    });
  } catch (error) {
    request.signal.throwIfAborted();
    if (error instanceof BerthError) return undefined;
    throw error;
  }
}

async function placeOf(
  parts: Pick<BuildParts, 'registry' | 'layouts'>,
  request: BuildRequest,
  source: CacheSource,
): Promise<Place> {
  if (source.kind === 'registry') return ofRegistry(parts, request, source.reference);
  return ofClient(source.kind === 'local' ? source : await sourceInFolder(parts.layouts, source.folder));
}

function ofClient({ digest, blobs }: Extract<CacheSource, { kind: 'local' }>): Place {
  const fetch: Fetch = async (blob) => {
    const found = await blobs.read(blob.digest);
    if (found === undefined) throw invalid('cache-invalid', `the cache lacks the blob ${blob.digest}`);
    return found;
  };
  return { manifest: async () => checked(await fetch({ mediaType: '', digest, size: 0 }), digest), fetch };
}

async function ofRegistry(
  { registry }: Pick<BuildParts, 'registry'>,
  request: BuildRequest,
  name: string,
): Promise<Place> {
  const reference = parseReference(name);
  const auth = await credentialsFor(request, reference.registry);
  const { signal } = request;
  const manifestOf = async (digest?: Digest): Promise<string> => {
    const asked = digest === undefined ? reference : { ...reference, digest };
    return (await registry.manifest(asked, auth, signal)).content.toString('utf8');
  };
  const manifest = async (): Promise<string> => {
    const content = await manifestOf();
    const { manifests } = parseIndex(content);
    const [first] = manifests ?? [];
    return first === undefined ? content : manifestOf(first.digest);
  };
  return { manifest, fetch: (blob) => registry.blob(reference, blob, auth, signal) };
}

const parseIndex: (text: string) => Partial<Index> = JSON.parse;
const parseManifest: (text: string) => Partial<Manifest> = JSON.parse;
const parseConfig: (text: string) => Partial<ImageConfig> = JSON.parse;

async function readCache({ manifest, fetch }: Place): Promise<CacheDocument> {
  const { config, layers = [] } = parseManifest(await manifest());
  if (config === undefined) throw notACache('it has no manifest');
  const text = await checked(await fetch(config), config.digest);
  const written = config.mediaType === cacheMediaType ? text : inlineText(text);
  const document = readCacheDocument(written);
  if (document === undefined) throw notACache('it is none that this engine has written');
  if (config.mediaType === cacheMediaType) return document;
  const { rootfs } = parseConfig(text);
  const pairs = (rootfs?.diff_ids ?? []).flatMap((diffId, index) => {
    const layer = layers[index];
    return layer === undefined ? [] : [[diffId, layer] as const];
  });
  return { ...document, layers: Object.fromEntries(pairs) };
}

function inlineText(config: string): string {
  const { 'berth.buildcache.v1': cache } = parseConfig(config);
  if (cache === undefined) throw notACache('the image has none within it');
  return Buffer.from(cache, 'base64').toString('utf8');
}

function notACache(reason: string): Error {
  return invalid('cache-invalid', `no cache can be read there: ${reason}`);
}

async function checked(source: Readable, digest: Digest): Promise<string> {
  const bytes = await limitedBytes(source, largestDocument, () => notACache(`${digest} is too large`));
  const content = Buffer.from(bytes).toString('utf8');
  if (textDigest(content) !== digest) throw notACache(`${digest} has other content than its digest says`);
  return content;
}
