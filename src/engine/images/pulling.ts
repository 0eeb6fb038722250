import { invalid, notFound } from '#base/errors.ts';
import {
  isIndexType,
  looksLikeIndex,
  parseImageConfig,
  parseIndex,
  parseManifest,
} from '#domain/image/documents.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import type { NewIndex } from '#domain/image/image-index.ts';
import { mediaTypes, type Descriptor, type Manifest, type Platform } from '#domain/image/manifest.ts';
import { formatPlatform, matchesPlatform, parsePlatform, selectManifest } from '#domain/image/platform.ts';
import {
  familiarName,
  formatReference,
  parseReference,
  repositoryOf,
  type Reference,
} from '#domain/image/reference.ts';
import type { PullOptions } from '#engine/contracts.ts';
import { baseRegistry } from '#domain/base/base-name.ts';
import { together } from '#engine/containers/undo.ts';
import { ingest } from '#engine/images/ingest.ts';
import { fetchBlob, fetchLayers, keepBlob, type Fetch } from '#engine/images/fetching.ts';
import { recordAnnotated, recordIndex } from '#engine/images/indexes.ts';
import { placesOf, type LayerPlace } from '#engine/images/layers.ts';
import type { Parts } from '#engine/images/parts.ts';
import type { FetchedManifest } from '#ports/registry-client.ts';
import { imageOf, storeImage } from '#engine/images/recording.ts';

/** Bytes. */
const maxConfig = 4 * 1024 * 1024;

interface Pull extends Fetch {
  wanted: Platform;
}

/** `docker pull`. */
export async function pullImage(parts: Parts, name: string, options: PullOptions): Promise<Image> {
  const { image, isNew } = await pullTag(parts, name, options);
  tellStatus(options, familiarName(formatReference(parseReference(name))), isNew);
  return image;
}

interface Pulled {
  image: Image;
  /** The name stood for another one before, or for none. */
  isNew: boolean;
}

async function pullTag(parts: Parts, name: string, options: PullOptions): Promise<Pulled> {
  const reference = parseReference(name);
  if (reference.registry === 'docker.io' && reference.repository === 'library/scratch')
    throw invalid('name-reserved', "'scratch' is a reserved name");
  const wanted =
    options.platform === undefined || options.platform === ''
      ? parts.platform
      : parsePlatform(options.platform, parts.platform);
  const pulled = await ingest(parts, { openEnded: false, resumable: true }, (lease) =>
    reference.registry === baseRegistry
      ? makeBase(parts, { ...options, reference, wanted, lease })
      : fetchImage(parts, { ...options, reference, wanted, lease }),
  );
  parts.events.emit('image', 'pull', familiarName(formatReference(reference)), {
    name: familiarName(repositoryOf(reference)),
  });
  return pulled;
}

function tellStatus({ onProgress }: PullOptions, name: string, isNew: boolean): void {
  onProgress({
    status: isNew ? `Status: Downloaded newer image for ${name}` : `Status: Image is up to date for ${name}`,
  });
}

/** `docker pull --all-tags`. */
export async function pullAllTags(parts: Parts, name: string, options: PullOptions): Promise<Image[]> {
  const { registry, repository } = parseReference(name);
  if (registry === baseRegistry) return [await pullImage(parts, name, options)];
  const tags = await parts.registry.tags({ registry, repository }, options.auth, options.signal);
  const pulled: Pulled[] = [];
  for (const tag of tags)
    pulled.push(await pullTag(parts, formatReference({ registry, repository, tag }), options));
  const isNew = pulled.some((each) => each.isNew);
  tellStatus(options, familiarName(repositoryOf({ registry, repository })), isNew);
  return pulled.map(({ image }) => image);
}

function withoutTag({ registry, repository, digest }: Reference): Reference {
  return { registry, repository, ...(digest !== undefined && { digest }) };
}

function announce({ reference, onProgress }: Pull): void {
  // Docker names what it pulls by digest in full.
  const id =
    reference.digest === undefined
      ? (reference.tag ?? '')
      : familiarName(formatReference(withoutTag(reference)));
  onProgress({ status: `Pulling from ${reference.repository}`, id });
}

async function makeBase(parts: Parts, pull: Pull): Promise<Pulled> {
  const full = formatReference(pull.reference);
  const before = parts.catalog.find(full);
  const made = await parts.bases.make(pull.reference, pull);
  const image = await storeImage(parts, made, pull.lease);
  tellDigest(pull, image.manifestDigest);
  // The maker tags what it makes; the name that was asked for is a tag too.
  const tagged = image.tags.includes(full) ? image : parts.catalog.tag(image, full);
  await parts.bases.made(tagged);
  return { image: tagged, isNew: before?.id !== image.id };
}

async function fetchImage(parts: Parts, pull: Pull): Promise<Pulled> {
  const full = formatReference(pull.reference);
  const { topDigest, digest, manifest, index, keeping } = await resolve(parts, pull);
  announce(pull);
  const [{ config, id }] = await together(fetchConfig(parts, pull, manifest), keeping);
  const places = placesOf(manifest.layers, config.rootfs.diff_ids);
  await pull.lease.hold(...places.flatMap(({ chainId, layer }) => [chainId, layer.digest]));
  const known = parts.catalog.byId(id);
  const size =
    known !== undefined && (await isWhole(parts, pull, known, places))
      ? known.size
      : await fetchLayers(parts, pull, places);
  const { tag, ...repository } = pull.reference;
  const names = {
    tags: tag === undefined || pull.reference.digest !== undefined ? [] : [full],
    repoDigests: [formatReference({ ...repository, digest: topDigest })],
  };
  const found = { id, manifestDigest: digest, config, layers: manifest.layers, size };
  const isNew = parts.catalog.find(full, pull.wanted)?.id !== id;
  const image = parts.catalog.record(imageOf(parts, found, index === undefined ? names : {}));
  if (index !== undefined) recordIndex(parts, { ...index, images: { [digest]: id } }, names);
  else await recordAnnotated(parts, image, { digest, annotations: manifest.annotations }, names, pull.lease);
  tellDigest(pull, topDigest);
  return { image: parts.catalog.byId(id) ?? image, isNew };
}

function tellDigest({ onProgress }: Pull, digest: Digest): void {
  onProgress({ status: `Digest: ${digest}` });
}

interface Resolved {
  /** What the name stands for in the registry: of the index, where there is one. */
  topDigest: Digest;
  digest: Digest;
  manifest: Manifest;
  /** Where the name stands for one. */
  index?: NewIndex;
  /** Resolves when the bytes of all that is in the store. */
  keeping: Promise<void>;
}

/** The manifest for the wanted platform. */
async function resolve(parts: Parts, pull: Pull): Promise<Resolved> {
  const top = await parts.registry.manifest(pull.reference, pull.auth, pull.signal);
  let { digest, content } = top;
  let index: NewIndex | undefined;
  if (isIndexType(top.mediaType) || looksLikeIndex(content.toString('utf8'))) {
    index = indexOf(top);
    const chosen = choose(pull, index.manifests);
    const { registry, repository } = pull.reference;
    const reference = { registry, repository, digest: chosen.digest };
    ({ digest, content } = await parts.registry.manifest(reference, pull.auth, pull.signal));
  }
  const manifest = parseManifest(content.toString('utf8'), `the manifest ${digest}`);
  const documents = [...(index === undefined ? [] : [top]), { digest, content }];
  // While the config is fetched.
  const keeping = keepAll(parts, pull, documents);
  return { topDigest: top.digest, digest, manifest, keeping, ...(index !== undefined && { index }) };
}

async function keepAll(
  parts: Parts,
  pull: Pull,
  documents: { digest: Digest; content: Buffer }[],
): Promise<void> {
  for (const { digest, content } of documents) await keepBlob(parts, pull, digest, content);
}

function indexOf({ digest, mediaType, content }: FetchedManifest): NewIndex {
  const text = content.toString('utf8');
  const { manifests, mediaType: said } = parseIndex(text, `the index ${digest}`);
  const type = said ?? (isIndexType(mediaType) ? mediaType : mediaTypes.ociIndex);
  return { digest, mediaType: type, size: content.length, manifests, images: {}, attachments: [] };
}

function choose({ reference, wanted }: Pull, manifests: Descriptor[]): Descriptor {
  const chosen = selectManifest(manifests, wanted);
  if (chosen !== undefined) return chosen;
  throw notFound(
    'platform-missing',
    `no matching manifest for ${formatPlatform(wanted)} in the manifest list entries of ` +
      familiarName(formatReference(reference)),
    { hint: 'ask for a platform that the image offers, with --platform' },
  );
}

/** @throws invalid `image-config-too-large` */
export function refuseLargeConfig(reference: Reference, { config: { size } }: Manifest): void {
  if (size > maxConfig)
    throw invalid(
      'image-config-too-large',
      `reading ${familiarName(formatReference(reference))}: its config has ${size} bytes; at most ${maxConfig} are read`,
    );
}

async function fetchConfig(
  parts: Parts,
  pull: Pull,
  manifest: Manifest,
): Promise<{ id: Digest; config: ReturnType<typeof parseImageConfig> }> {
  const { digest, mediaType } = manifest.config;
  if (mediaType !== mediaTypes.ociConfig && mediaType !== mediaTypes.dockerConfig)
    throw invalid(
      'not-an-image',
      `pulling ${familiarName(formatReference(pull.reference))}: it is an artifact with a config of the type ` +
        `'${mediaType}', not an image`,
    );
  refuseLargeConfig(pull.reference, manifest);
  await fetchBlob(parts, pull, manifest.config);
  const config = parseImageConfig((await parts.blobs.read(digest)).toString('utf8'), `the config ${digest}`);
  if (pull.platform !== undefined && pull.platform !== '' && !matchesPlatform(config, pull.wanted))
    throw notFound(
      'platform-missing',
      `image with reference ${familiarName(formatReference(pull.reference))} was found but its platform ` +
        `(${formatPlatform(config)}) does not match the specified platform (${formatPlatform(pull.wanted)})`,
    );
  return { id: digest, config };
}

/** Whether all of an image is here, maybe with layers that were packed in another way: then nothing is fetched. */
async function isWhole(parts: Parts, pull: Pull, image: Image, places: LayerPlace[]): Promise<boolean> {
  await pull.lease.hold(...image.layers.map(({ digest }) => digest));
  for (const { digest } of image.layers) if ((await parts.blobs.stat(digest)) === undefined) return false;
  for (const { chainId } of places) if (!(await parts.snapshots.isCommitted(chainId))) return false;
  return true;
}
