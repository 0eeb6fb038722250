import { conflict, invalid, notFound } from '#base/errors.ts';
import type { Image } from '#domain/image/image.ts';
import {
  descriptorOfIndex,
  isManifestAlone,
  manifestIn,
  type ImageIndex,
} from '#domain/image/image-index.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import { matchesPlatform } from '#domain/image/platform.ts';
import {
  familiarName,
  formatReference,
  parseReference,
  repositoryOf,
  type Reference,
} from '#domain/image/reference.ts';
import type { PushOptions } from '#engine/contracts.ts';
import { partsOf } from '#engine/images/collector.ts';
import { blobsHere } from '#engine/images/indexes.ts';
import { describeImage } from '#engine/images/manifests.ts';
import { ingest } from '#engine/images/ingest.ts';
import type { Parts } from '#engine/images/parts.ts';
import { pushCompanions } from '#engine/images/pushing-companions.ts';
import { isWhole, pushIndex } from '#engine/images/pushing-indexes.ts';
import { pushParts } from '#engine/images/pushing-parts.ts';
import type { Push } from '#engine/images/sending.ts';

/**
 * `docker push` of one tag: of the whole index where all of it is here, else of one platform. Gives what the name stands
 * for in the registry. @throws not-found `image-missing`, `platform-missing`; as RegistryClient
 */
export async function pushImage(parts: Parts, name: string, options: PushOptions): Promise<Descriptor> {
  const reference = parseReference(name);
  if (reference.digest !== undefined) throw invalid('push-of-digest', 'cannot push a digest reference');
  const full = formatReference(reference);
  const isHere = parts.catalog.byTag(full) !== undefined;
  // A platform that is not here is refused before anything is told.
  if (isHere) parts.catalog.get(full, options.only);
  options.onProgress({ status: `The push refers to repository [${repositoryOf(reference)}]` });
  if (!isHere) throw missing(parts, reference);
  return await pushTag(parts, reference, options);
}

/** `docker push --all-tags`. @throws as `pushImage` */
export async function pushAllTags(parts: Parts, name: string, options: PushOptions): Promise<void> {
  const reference = parseReference(name);
  const repository = repositoryOf(reference);
  options.onProgress({ status: `The push refers to repository [${repository}]` });
  const tags = tagsOf(parts, repository).sort((one, other) => ((one.tag ?? '') < (other.tag ?? '') ? -1 : 1));
  if (tags.length === 0) throw missing(parts, reference);
  for (const tag of tags) await pushTag(parts, tag, options);
}

function tagsOf({ catalog }: Parts, repository: string): Reference[] {
  return catalog
    .all()
    .flatMap((image) => image.tags.map(parseReference))
    .filter((tag) => repositoryOf(tag) === repository);
}

function missing(parts: Parts, reference: Reference): Error {
  const repository = repositoryOf(reference);
  return notFound(
    'image-missing',
    tagsOf(parts, repository).length > 0
      ? `tag does not exist: ${familiarName(formatReference(reference))}`
      : `An image does not exist locally with the tag: ${familiarName(repository)}`,
  );
}

async function pushTag(parts: Parts, reference: Reference, options: PushOptions): Promise<Descriptor> {
  const full = formatReference(reference);
  const image = parts.catalog.get(full, options.only);
  const named = parts.catalog.indexOf(full);
  // A manifest alone is of one platform.
  const isMeant = options.only === undefined || (named !== undefined && isManifestAlone(named));
  const index = isMeant ? named : undefined;
  const pushed = await ingest(parts, { openEnded: true }, async (lease) => {
    const run: Push = { ...options, reference, lease };
    if (index !== undefined) await lease.hold(...blobsHere(parts, index));
    if (index === undefined || isManifestAlone(index)) return pushOne(parts, image, run, index);
    if (isWhole(parts, index)) return pushWhole(parts, index, run);
    return pushInstead(parts, index, image, run);
  });
  parts.events.emit('image', 'push', familiarName(full), { name: familiarName(repositoryOf(reference)) });
  return pushed;
}

/** @param alone what its name stands for where that is a manifest alone */
async function pushOne(parts: Parts, image: Image, run: Push, alone?: ImageIndex): Promise<Descriptor> {
  const manifest = parts.catalog.manifestOf(formatReference(run.reference), image);
  await run.lease.hold(...partsOf(image).blobs, manifest);
  const { mediaType, content } = await pushParts(parts, image, manifest, run);
  const digest = await parts.registry.pushManifest(run.reference, mediaType, content, run.auth, run.signal);
  const pushed = { mediaType, digest, size: content.length };
  announce(run, pushed);
  await pushCompanions(parts, image, run, pushed);
  remember(parts, image, run, pushed, alone);
  return pushed;
}

async function pushWhole(parts: Parts, index: ImageIndex, run: Push): Promise<Descriptor> {
  const pushed = await pushIndex(parts, index, run);
  announce(run, pushed);
  const image = parts.catalog.byTag(formatReference(run.reference));
  if (image !== undefined) remember(parts, image, run, pushed, index);
  return pushed;
}

/** As Docker: of an index of which something is not here, this machine's image goes, and the client is told so. */
async function pushInstead(parts: Parts, index: ImageIndex, image: Image, run: Push): Promise<Descriptor> {
  if (parts.catalog.imagesOf(index).length > 1 && !matchesPlatform(image.config, parts.platform))
    throw conflict(
      'push-platform-ambiguous',
      'multiple matching manifests found but no specific platform requested',
      { hint: 'name one of them with --platform' },
    );
  const pushed = await pushOne(parts, image, run);
  const aux = {
    manifestPushedInsteadOfIndex: true,
    originalIndex: descriptorOfIndex(index),
    selectedManifest: await describeImage(parts, image, manifestIn(index, image)),
  };
  run.onProgress({ progressDetail: {}, aux });
  return pushed;
}

function announce({ reference: { tag = '' }, onProgress }: Push, { digest, size }: Descriptor): void {
  onProgress({ status: `${tag}: digest: ${digest} size: ${size}` });
  onProgress({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: size } });
}

/** Where it is in a registry; not when it has gone from here meanwhile. */
function remember(
  parts: Parts,
  { id }: Image,
  { reference }: Push,
  { digest }: Descriptor,
  index?: ImageIndex,
): void {
  const image = parts.catalog.byId(id);
  if (image === undefined) return;
  if (index !== undefined && !parts.catalog.indexes.byDigest(index.digest)?.names.length) return;
  const repoDigests = [`${repositoryOf(reference)}@${digest}`];
  parts.catalog.record({ ...image, tags: [], repoDigests }, index);
}
