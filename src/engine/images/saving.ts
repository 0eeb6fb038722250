import { Readable } from 'node:stream';
import { paddingOf } from '#domain/archive/tar-entry.ts';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import { mediaTypes, type Descriptor, type Index } from '#domain/image/manifest.ts';
import { familiarName, formatReference, parseReference } from '#domain/image/reference.ts';
import { partsOf } from '#engine/images/collector.ts';
import type { Parts } from '#engine/images/parts.ts';

interface Saved {
  image: Image;
  tags: string[];
}

/**
 * `docker save`: an archive that is both an OCI layout and Docker's own (manifest.json). Blobs go in as
 * they are stored. @throws not-found `image-missing` before the first byte
 */
export function saveImages(parts: Parts, names: string[]): Readable {
  const saved = select(parts, names);
  const lease = parts.leases.open();
  async function* archive(): AsyncGenerator<Uint8Array> {
    try {
      await lease.hold(...saved.flatMap(({ image }) => partsOf(image).blobs));
      yield* members(parts, saved);
    } finally {
      await lease.close();
    }
  }
  return Readable.from(archive(), { objectMode: false });
}

/** An image asked for by id is saved without tags, one asked for by a tag with that tag. */
function select(parts: Parts, names: string[]): Saved[] {
  const saved = new Map<Digest, Saved>();
  for (const name of names) {
    const image = parts.catalog.get(name);
    const entry = saved.get(image.id) ?? { image, tags: [] };
    saved.set(image.id, entry);
    const tag = tagNamed(image, name);
    if (tag !== undefined && !entry.tags.includes(tag)) entry.tags.push(tag);
  }
  return [...saved.values()];
}

function tagNamed(image: Image, name: string): string | undefined {
  if (image.id.includes(name)) return undefined;
  const full = formatReference(parseReference(name));
  return image.tags.includes(full) ? full : undefined;
}

async function* members(parts: Parts, saved: Saved[]): AsyncGenerator<Uint8Array> {
  yield encodeHeader(tarEntry('blobs/', 'directory'));
  yield encodeHeader(tarEntry('blobs/sha256/', 'directory'));
  const digests = new Set(saved.flatMap(({ image }) => partsOf(image).blobs));
  for (const digest of [...digests].sort()) yield* blobMember(parts, digest);
  yield* member('index.json', JSON.stringify(await indexOf(parts, saved)));
  yield* member('manifest.json', JSON.stringify(saved.map(dockerEntry)));
  yield* member('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  yield tarEnd;
}

/** Of a blob in an OCI layout. */
export function pathOf(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** A blob of the store as a member of the archive. */
export async function* blobMember(parts: Parts, digest: Digest): AsyncGenerator<Uint8Array> {
  const content: AsyncIterable<Uint8Array> = await parts.blobs.open(digest);
  const size = (await parts.blobs.stat(digest))?.size ?? 0;
  yield encodeHeader(tarEntry(pathOf(digest), 'file', { size }));
  yield* content;
  yield new Uint8Array(paddingOf(size));
}

/** A document as a member of the archive. */
export function* member(name: string, content: string | Buffer): Generator<Uint8Array> {
  const body = typeof content === 'string' ? Buffer.from(content) : content;
  yield encodeHeader(tarEntry(name, 'file', { size: body.length }));
  yield body;
  yield new Uint8Array(paddingOf(body.length));
}

async function indexOf(parts: Parts, saved: Saved[]): Promise<Index> {
  const manifests: Descriptor[] = [];
  for (const { image, tags } of saved) {
    const { mediaType, size } = await describeManifest(parts, image.manifestDigest);
    const plain: Descriptor = { mediaType, digest: image.manifestDigest, size };
    if (tags.length === 0) manifests.push(plain);
    for (const tag of tags) manifests.push({ ...plain, annotations: annotationsOf(tag) });
  }
  return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
}

/** Of a manifest by its name, as `docker save` writes them. */
export function annotationsOf(tag: string): Record<string, string> {
  return {
    'io.containerd.image.name': tag,
    'org.opencontainers.image.ref.name': tag.slice(tag.lastIndexOf(':') + 1),
  };
}

const parseType: (content: string) => { mediaType?: string } = JSON.parse;

/** Media type and size of a manifest in the store. */
export async function describeManifest(
  parts: Pick<Parts, 'blobs'>,
  digest: Digest,
): Promise<{ mediaType: string; size: number; content: Buffer }> {
  const content = await parts.blobs.read(digest);
  const { mediaType = mediaTypes.ociManifest } = parseType(content.toString('utf8'));
  return { mediaType, size: content.length, content };
}

function dockerEntry({ image, tags }: Saved): object {
  return {
    Config: pathOf(image.id),
    RepoTags: tags.length === 0 ? null : tags.map(familiarName),
    Layers: image.layers.map((layer) => pathOf(layer.digest)),
  };
}
