import { Readable } from 'node:stream';
import { notFound } from '#base/errors.ts';
import { paddingOf } from '#domain/archive/tar-entry.ts';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import { descriptorOfIndex, type ImageIndex } from '#domain/image/image-index.ts';
import { mediaTypes, type Descriptor, type Index, type Platform } from '#domain/image/manifest.ts';
import {
  familiarName,
  formatReference,
  parseReference,
  referenceOrUndefined,
  repositoryOf,
} from '#domain/image/reference.ts';
import { blobsHere } from '#engine/images/indexes.ts';
import { descriptorOf } from '#engine/images/manifests.ts';
import type { Parts } from '#engine/images/parts.ts';

/** What names stand for, and those of the names that go into the archive. */
interface Saved {
  image: Image;
  /** Of the image, as the name has it. */
  manifest: Digest;
  /** All of it that is here is saved; the image is what Docker's own part of the archive has of it. */
  index?: ImageIndex;
  tags: string[];
}

/**
 * `docker save`: an archive that is both an OCI layout and Docker's own (manifest.json). Blobs go in as
 * they are stored. @param wanted instead of indexes their images for this platform
 * @throws not-found `image-missing`, `platform-missing` before the first byte
 */
export function saveImages(parts: Parts, names: readonly string[], wanted?: Platform): Readable {
  const saved = select(parts, names, wanted);
  async function* archive(): AsyncGenerator<Uint8Array> {
    // Not before somebody reads: of an archive that is closed without that, nobody would close it.
    await using lease = parts.leases.open();
    await lease.hold(...saved.flatMap((each) => blobsOf(parts, each)));
    yield* members(parts, saved);
    for (const { image } of saved) parts.events.emit('image', 'save', image.id, { name: image.id });
  }
  return Readable.from(archive(), { objectMode: false });
}

/**
 * An image asked for by id is saved without tags, one asked for by a tag with that tag, and a repository with all
 * of its tags.
 */
function select(parts: Parts, names: readonly string[], wanted?: Platform): Saved[] {
  const saved = new Map<Digest, Saved>();
  for (const name of names.flatMap((each) => tagsOf(parts, each))) {
    const image = parts.catalog.get(name, wanted);
    const index = wanted === undefined ? parts.catalog.indexOf(name) : undefined;
    const manifest = parts.catalog.manifestOf(name, image);
    const key = wanted === undefined ? (index?.digest ?? image.id) : manifest;
    const entry = saved.get(key) ?? { image, manifest, ...(index !== undefined && { index }), tags: [] };
    saved.set(key, entry);
    const tag = tagNamed(parts, name);
    if (tag !== undefined && !entry.tags.includes(tag)) entry.tags.push(tag);
  }
  for (const { tags } of saved.values()) tags.sort();
  return [...saved.values()];
}

/** The names in full of the tags of a repository, where a name says no more than that. */
function tagsOf({ catalog }: Parts, name: string): string[] {
  const isWhole = /[:@][^/]*$/.test(name) || catalog.find(name)?.id.includes(name) === true;
  const reference = isWhole ? undefined : referenceOrUndefined(name);
  if (reference === undefined) return [name];
  const start = `${repositoryOf(reference)}:`;
  const tags = catalog.all().flatMap((image) => image.tags.filter((tag) => tag.startsWith(start)));
  if (tags.length === 0) throw notFound('image-missing', `No such image: ${name}`);
  return tags;
}

function tagNamed({ catalog }: Parts, name: string): string | undefined {
  const image = catalog.get(name);
  if (image.id.includes(name)) return undefined;
  const full = formatReference(parseReference(name));
  return image.tags.includes(full) ? full : undefined;
}

function blobsOf(parts: Parts, { image, index, manifest }: Saved): Digest[] {
  if (index !== undefined) return blobsHere(parts, index);
  return [image.id, manifest, ...image.layers.map(({ digest }) => digest)];
}

async function* members(parts: Parts, saved: Saved[]): AsyncGenerator<Uint8Array> {
  yield encodeHeader(tarEntry('blobs/', 'directory'));
  yield encodeHeader(tarEntry('blobs/sha256/', 'directory'));
  const digests = new Set(saved.flatMap((each) => blobsOf(parts, each)));
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
async function* blobMember(parts: Parts, digest: Digest): AsyncGenerator<Uint8Array> {
  const size = (await parts.blobs.stat(digest))?.size ?? 0;
  yield encodeHeader(tarEntry(pathOf(digest), 'file', { size }));
  // Not before the header is taken: who stops there would leave it open.
  const content: AsyncIterable<Uint8Array> = await parts.blobs.open(digest);
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
  for (const { manifest, index, tags } of saved) {
    const plain = index === undefined ? await descriptorOf(parts, manifest) : descriptorOfIndex(index);
    if (tags.length === 0) manifests.push(plain);
    for (const tag of tags)
      manifests.push({ ...plain, annotations: { ...plain.annotations, ...annotationsOf(tag) } });
  }
  return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
}

/** Of a manifest by its name, as `docker save` writes them. */
function annotationsOf(tag: string): Record<string, string> {
  return {
    'io.containerd.image.name': tag,
    'org.opencontainers.image.ref.name': tag.slice(tag.lastIndexOf(':') + 1),
  };
}

function dockerEntry({ image, tags }: Saved): object {
  return {
    Config: pathOf(image.id),
    RepoTags: tags.length === 0 ? null : tags.map(familiarName),
    Layers: image.layers.map((layer) => pathOf(layer.digest)),
  };
}
