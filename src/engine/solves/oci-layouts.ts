import { Readable } from 'node:stream';
import { paddingOf } from '#domain/archive/tar-entry.ts';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';
import type { Digest } from '#domain/image/digest.ts';
import { isIndexType, looksLikeIndex, parseIndex, parseManifest } from '#domain/image/documents.ts';
import { mediaTypes, type Descriptor, type Manifest } from '#domain/image/manifest.ts';
import { parsePlatform, selectManifest } from '#domain/image/platform.ts';
import type { Images } from '#engine/contracts.ts';
import { textDigest } from '#engine/builds/text-digest.ts';
import { member, pathOf } from '#engine/images/saving.ts';
import type { SessionBlobs } from '#ports/build-sessions.ts';
import { limitedBytes } from '#base/bytes.ts';
import { invalid, notFound } from '#base/errors.ts';

/** Of a manifest or index, in bytes. */
const largestDocument = 4 * 1024 * 1024;

/** How deep indexes may name indexes. */
const deepest = 4;

/** An image in an OCI layout that a client's session serves. */
export interface Layout {
  /** The client's name for it. */
  store: string;
  /** Of a manifest, or of an index of several platforms. */
  digest: Digest;
}

/**
 * Brings an image of a layout into the images of this engine, unless it is here, and gives its id.
 * @throws invalid `context-invalid` for a layout that lacks it; not-found `platform-missing`; as Images.load
 */
export async function loadLayout(
  images: Pick<Images, 'find' | 'load'>,
  blobs: SessionBlobs,
  { store, digest }: Layout,
  platform: string,
  signal: AbortSignal,
): Promise<string> {
  const read = (wanted: Digest): Promise<Readable> => readBlob(blobs, store, wanted, signal);
  const { text, manifest } = await manifestFor(read, digest, platform);
  const { digest: id } = manifest.config;
  if (images.find(id) === undefined)
    await images.load(Readable.from(archive(read, text, manifest), { objectMode: false }), () =>
      signal.throwIfAborted(),
    );
  return id;
}

type Read = (digest: Digest) => Promise<Readable>;

async function readBlob(
  blobs: SessionBlobs,
  store: string,
  digest: Digest,
  signal: AbortSignal,
): Promise<Readable> {
  const content = await blobs.read(`oci:${store}`, digest, signal);
  if (content === undefined) throw invalid('context-invalid', `the OCI layout lacks ${digest}`);
  return content;
}

async function manifestFor(
  read: Read,
  digest: Digest,
  platform: string,
  depth = 0,
): Promise<{ text: string; manifest: Manifest }> {
  const text = await documentOf(read, digest);
  if (!looksLikeIndex(text) || depth === deepest)
    return { text, manifest: parseManifest(text, `the manifest ${digest}`) };
  const wanted = parsePlatform(platform, { os: 'linux', architecture: '' });
  const chosen = selectManifest(parseIndex(text, `the index ${digest}`).manifests, wanted) ?? nested(text);
  if (chosen === undefined)
    throw notFound('platform-missing', `the OCI layout has no image for ${platform} in ${digest}`);
  return manifestFor(read, chosen.digest, platform, depth + 1);
}

/** The one index that an index names without a platform. */
function nested(text: string): Descriptor | undefined {
  return parseIndex(text).manifests.find(({ mediaType }) => isIndexType(mediaType));
}

async function documentOf(read: Read, digest: Digest): Promise<string> {
  const bytes = await limitedBytes(await read(digest), largestDocument, () =>
    invalid('context-invalid', `${digest} of the OCI layout is larger than a manifest may be`),
  );
  const text = Buffer.from(bytes).toString('utf8');
  if (textDigest(text) === digest) return text;
  throw invalid('context-invalid', `${digest} of the OCI layout has other content than its digest says`);
}

/** The image as an archive that can be loaded. */
async function* archive(read: Read, text: string, manifest: Manifest): AsyncGenerator<Uint8Array> {
  const digest = textDigest(text);
  yield* member(pathOf(digest), text);
  const blobs = new Map([manifest.config, ...manifest.layers].map((blob) => [blob.digest, blob]));
  for (const { digest: one, size } of blobs.values()) {
    yield encodeHeader(tarEntry(pathOf(one), 'file', { size }));
    yield* exactly(await read(one), one, size);
    yield new Uint8Array(paddingOf(size));
  }
  const { mediaType = mediaTypes.ociManifest } = manifest;
  const manifests = [{ mediaType, digest, size: Buffer.byteLength(text) }];
  yield* member('index.json', JSON.stringify({ schemaVersion: 2, manifests }));
  yield* member('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  yield tarEnd;
}

/** A tar says the size of a member before its content. */
async function* exactly(content: Readable, digest: Digest, size: number): AsyncGenerator<Uint8Array> {
  let left = size;
  const chunks: AsyncIterable<Buffer> = content;
  for await (const chunk of chunks) {
    left -= chunk.length;
    if (left < 0) break;
    yield chunk;
  }
  if (left !== 0)
    throw invalid(
      'context-invalid',
      `${digest} of the OCI layout has not the ${size} bytes that its manifest says`,
    );
}
