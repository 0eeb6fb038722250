import type { Readable } from 'node:stream';
import { internal, invalid, notFound } from '#base/errors.ts';
import { shortId } from '#base/ids.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import type { Platform } from '#domain/image/manifest.ts';
import { formatPlatform, matchesPlatform } from '#domain/image/platform.ts';
import { familiarName } from '#domain/image/reference.ts';
import type { Progress } from '#engine/contracts.ts';
import {
  candidatesIn,
  configOf,
  type Candidate,
  type CandidateImage,
} from '#engine/images/archive-candidates.ts';
import { readArchive } from '#engine/images/archive-reader.ts';
import { recordAnnotated, recordIndex } from '#engine/images/indexes.ts';
import { ingest } from '#engine/images/ingest.ts';
import { placesOf, type LayerPlace } from '#engine/images/layers.ts';
import type { IngestLease } from '#engine/images/leases.ts';
import type { Parts } from '#engine/images/parts.ts';
import { imageOf, writeManifest } from '#engine/images/recording.ts';
import { UnpackingAhead } from '#engine/images/unpacking-ahead.ts';

type OnProgress = (progress: Progress) => void;

/** `docker load`. @throws invalid `archive-corrupt`, `image-document-invalid`; as Snapshotter.unpack */
export function loadArchive(
  parts: Parts,
  archive: Readable,
  { onProgress, platforms }: { onProgress: OnProgress; platforms: readonly Platform[] },
): Promise<void> {
  return ingest(parts, { openEnded: true }, async (lease) => {
    await using ahead = new UnpackingAhead(parts);
    const files = await readArchive(
      archive,
      parts,
      (blob) => lease.hold(blob.digest),
      (size, start) => ahead.followerOf(size, start),
    );
    const candidates = await candidatesIn(parts, files, platforms);
    if (candidates.length === 0)
      throw invalid(
        'archive-corrupt',
        'loading images: the archive has neither manifest.json nor index.json',
        {
          hint: 'give an archive made by docker save; a root file system is brought in by docker import',
        },
      );
    await checkPlatforms(parts, candidates, platforms);
    for (const candidate of candidates) {
      const before = new Map(candidate.tags.map((tag) => [tag, parts.catalog.byTag(tag)]));
      announce(await add(parts, candidate, { lease, ahead, onProgress }), before, onProgress);
    }
  });
}

/** @param before which images had the tags */
function announce(
  { image, tags }: { image: Image; tags: string[] },
  before: ReadonlyMap<string, Image | undefined>,
  onProgress: OnProgress,
): void {
  for (const tag of tags) {
    const name = familiarName(tag);
    const old = before.get(tag)?.id ?? image.id;
    if (old !== image.id)
      onProgress({
        stream: `The image ${name} already exists, renaming the old one with ID ${old} to empty string\n`,
      });
    onProgress({ stream: `Loaded image: ${name}\n` });
  }
  if (tags.length === 0) onProgress({ stream: `Loaded image ID: ${image.id}\n` });
}

interface Loading {
  lease: IngestLease;
  ahead: UnpackingAhead;
  onProgress: OnProgress;
}

/** With the names of an index once all of it is here. */
async function add(
  parts: Parts,
  { images, index, tags }: Candidate,
  loading: Loading,
): Promise<{ image: Image; tags: string[] }> {
  let image: Image | undefined;
  const here: Record<string, Digest> = {};
  const attachments = [...(index?.attachments ?? [])];
  for (const each of images) {
    image = await addImage(parts, each, loading, index === undefined ? tags : []);
    const { manifestDigest: digest, config, layers, annotations } = each;
    if (digest === undefined) continue;
    if (index === undefined)
      await recordAnnotated(parts, image, { digest, annotations }, { tags }, loading.lease);
    here[digest] = image.id;
    // The image was here with layers packed in another way: what the index names stays beside it.
    if (digest !== image.manifestDigest) attachments.push({ digest, parts: [config, ...layers] });
  }
  if (index !== undefined) {
    recordIndex(parts, { ...index, images: here, attachments }, { tags });
    image = parts.catalog.get(index.digest);
  }
  if (image === undefined) throw internal('archive-empty', 'loading images: an entry has no image');
  parts.events.emit('image', 'load', image.id, { name: image.id });
  return { image, tags };
}

async function addImage(
  parts: Parts,
  { config: descriptor, layers, manifestDigest: written }: CandidateImage,
  { lease, ahead, onProgress }: Loading,
  tags: string[],
): Promise<Image> {
  const config = await configOf(parts, descriptor);
  const places = placesOf(layers, config.rootfs.diff_ids);
  await lease.hold(...places.map((place) => place.chainId));
  const size = await parts.layers.unpackAll(places, (place) => unpack(place, ahead, onProgress));
  const manifestDigest = written ?? (await writeManifest(parts, descriptor, layers));
  await lease.hold(manifestDigest);
  const found = { id: descriptor.digest, manifestDigest, config, layers, size };
  return parts.catalog.record(imageOf(parts, found, { tags }));
}

function unpack(place: LayerPlace, ahead: UnpackingAhead, onProgress: OnProgress): Promise<number> {
  const total = place.layer.size;
  const id = shortId(place.diffId);
  return ahead.unpack(place, (current) =>
    onProgress({ status: 'Loading layer', progressDetail: { current, total }, id }),
  );
}

/** @throws not-found `platform-missing` when images are of none of the wanted platforms */
async function checkPlatforms(
  parts: Parts,
  candidates: Candidate[],
  platforms: readonly Platform[],
): Promise<void> {
  if (platforms.length === 0) return;
  const required = platforms.map(formatPlatform).join(' or ');
  for (const { images, tags } of candidates) {
    const configs = await Promise.all(images.map(({ config }) => configOf(parts, config)));
    if (configs.some((found) => platforms.some((wanted) => matchesPlatform(found, wanted)))) continue;
    const name = tags.map(familiarName).join(', ') || (images[0]?.config.digest ?? 'an index');
    const found =
      configs.length === 0
        ? 'for other platforms'
        : `of the platform ${configs.map(formatPlatform).join(', ')}`;
    throw notFound('platform-missing', `loading images: ${name} is ${found}; required is ${required}`);
  }
}
