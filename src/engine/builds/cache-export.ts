import { Readable } from 'node:stream';
import type { BuildPlan } from '#domain/build/plan.ts';
import { cacheMediaType } from '#domain/build/cache-document.ts';
import type { Image } from '#domain/image/image.ts';
import { parseReference } from '#domain/image/reference.ts';
import { mediaTypes, type Descriptor, type Manifest } from '#domain/image/manifest.ts';
import type { BuildRequest, CacheTarget, ClientBlobs } from '#engine/contracts.ts';
import { credentialsFor } from '#engine/builds/credentials.ts';
import { targetInFolder } from '#engine/builds/folder-caches.ts';
import { cacheDocument, layersOf, type KeptSteps } from '#engine/builds/kept-steps.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
import type { Vertices } from '#engine/builds/vertices.ts';
import { textDigest } from '#engine/builds/text-digest.ts';

/** A build that is done. */
export interface BuildResult {
  image: Image;
  plan: BuildPlan;
  steps: KeptSteps;
  origin: BuildOrigin;
}

/** What attestations tell of a build. */
export interface BuildOrigin {
  dockerfile: { name: string; text: string };
  /** The images that its stages began with or copied from, by the names that the Dockerfile has for them. */
  sources: ReadonlyMap<string, Image>;
  /** RFC 3339. */
  started: string;
}

/** The image with the cache of the steps within it, where that is asked for (`--cache-to type=inline`). */
export async function withInlineCache(
  { images }: Pick<BuildParts, 'images'>,
  { cacheTo = [] }: BuildRequest,
  { image, steps }: BuildResult,
): Promise<Image> {
  if (!cacheTo.some(({ kind }) => kind === 'inline')) return image;
  const { config, layers, size } = image;
  const text = JSON.stringify(cacheDocument(steps.within(image)));
  const cache = Buffer.from(text).toString('base64');
  return images.store({ config: { ...config, 'berth.buildcache.v1': cache }, layers, tags: [], size });
}

/** Sends the cache of a build, for as many platforms as it was for, where its request says. @throws as Images.push; what a client's folder fails with */
export async function exportCaches(
  parts: Pick<BuildParts, 'images' | 'blobs' | 'layouts'>,
  request: BuildRequest,
  results: readonly BuildResult[],
  vertices: Vertices,
): Promise<void> {
  for (const target of request.cacheTo ?? [])
    if (target.kind !== 'inline')
      await vertices
        .add(`exporting cache to ${target.kind === 'registry' ? 'registry' : 'client directory'}`)
        .run(() => exportTo(parts, request, results, target));
}

async function exportTo(
  parts: Pick<BuildParts, 'images' | 'blobs' | 'layouts'>,
  request: BuildRequest,
  results: readonly BuildResult[],
  target: Exclude<CacheTarget, { kind: 'inline' }>,
): Promise<void> {
  if (target.kind !== 'folder') return exportCache(parts, request, results, target);
  const inFolder = targetInFolder(parts.layouts, target);
  await exportCache(parts, request, results, inFolder.target);
  await inFolder.finish();
}

async function exportCache(
  { images, blobs }: Pick<BuildParts, 'images' | 'blobs'>,
  request: BuildRequest,
  results: readonly BuildResult[],
  target: Exclude<CacheTarget, { kind: 'inline' | 'folder' }>,
): Promise<void> {
  const kept = new Map(results.flatMap(({ steps, plan }) => [...steps.ofMode(target.mode, plan)]));
  const layers = layersOf(kept.values());
  const contentOf = (sent: readonly Descriptor[]): string => {
    const document = cacheDocument(kept);
    for (const [index, diffId] of [...layers.keys()].entries()) {
      const layer = sent[index];
      if (layer !== undefined) document.layers[diffId] = layer;
    }
    return JSON.stringify(document);
  };
  await using lease = images.lease();
  await lease.hold(...[...layers.values()].map(({ digest }) => digest));
  if (target.kind === 'local') {
    const folder = { blobs, client: target.blobs };
    await writeFolder(folder, [...layers.values()], contentOf([...layers.values()]));
    return;
  }
  const { registry } = parseReference(target.reference);
  const auth = await credentialsFor(request, registry);
  await images.pushArtifact(
    target.reference,
    { layers: [...layers.values()], config: { mediaType: cacheMediaType, contentOf } },
    { ...(auth !== undefined && { auth }), onProgress: () => undefined, signal: request.signal },
  );
}

/** The manifest comes last: its descriptor is what `--cache-from` finds the rest by. */
async function writeFolder(
  { blobs, client }: { blobs: BuildParts['blobs']; client: ClientBlobs },
  layers: Descriptor[],
  content: string,
): Promise<void> {
  for (const layer of new Map(layers.map((each) => [each.digest, each])).values())
    await client.write(layer, await blobs.open(layer.digest));
  const config = described(cacheMediaType, content);
  await client.write(config, textStream(content));
  const manifest: Manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  const text = JSON.stringify(manifest);
  await client.write(described(mediaTypes.ociManifest, text), textStream(text));
}

function textStream(text: string): Readable {
  return Readable.from([Buffer.from(text)]);
}

function described(mediaType: string, content: string): Descriptor {
  return { mediaType, digest: textDigest(content), size: Buffer.byteLength(content) };
}
