import type { Readable } from 'node:stream';
import { invalid, notFound } from '#base/errors.ts';
import { shortId } from '#base/ids.ts';
import { compressionOf, layerMediaType } from '#domain/image/compression.ts';
import { isDigest, type Digest } from '#domain/image/digest.ts';
import {
  isIndexType,
  looksLikeIndex,
  parseArchiveManifest,
  parseImageConfig,
  parseIndex,
  parseManifest,
  type ArchiveEntry,
} from '#domain/image/documents.ts';
import type { Image } from '#domain/image/image.ts';
import type { Descriptor, ImageConfig, Manifest, Platform } from '#domain/image/manifest.ts';
import { formatPlatform, matchesPlatform, selectManifest } from '#domain/image/platform.ts';
import { familiarName, formatReference, parseReference } from '#domain/image/reference.ts';
import type { Progress } from '#engine/contracts.ts';
import { readArchive, type ArchiveFiles } from '#engine/images/archive-reader.ts';
import { ingest } from '#engine/images/ingest.ts';
import { placesOf, type LayerPlace } from '#engine/images/layers.ts';
import type { IngestLease } from '#engine/images/leases.ts';
import type { Parts } from '#engine/images/parts.ts';
import { imageOf, writeManifest } from '#engine/images/recording.ts';
import { UnpackingAhead } from '#engine/images/unpacking-ahead.ts';

type OnProgress = (progress: Progress) => void;

/** An image that an archive holds, before its layers are unpacked. */
interface Candidate {
  config: Descriptor;
  layers: Descriptor[];
  /** Absent for Docker's layout: then one is written. */
  manifestDigest?: Digest;
  tags: string[];
}

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
      parts.blobs,
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
    for (const candidate of candidates)
      announce(await add(parts, candidate, { lease, ahead, onProgress }), onProgress);
  });
}

function announce({ image, tags }: { image: Image; tags: string[] }, onProgress: OnProgress): void {
  for (const tag of tags) onProgress({ stream: `Loaded image: ${familiarName(tag)}\n` });
  if (tags.length === 0) onProgress({ stream: `Loaded image ID: ${image.id}\n` });
}

async function add(
  parts: Parts,
  candidate: Candidate,
  { lease, ahead, onProgress }: { lease: IngestLease; ahead: UnpackingAhead; onProgress: OnProgress },
): Promise<{ image: Image; tags: string[] }> {
  const { config: descriptor, layers, tags } = candidate;
  const config = await configOf(parts, descriptor);
  const places = placesOf(layers, config.rootfs.diff_ids);
  await lease.hold(...places.map((place) => place.chainId));
  const size = await parts.layers.unpackAll(places, (place) => unpack(place, ahead, onProgress));
  const manifestDigest = candidate.manifestDigest ?? (await writeManifest(parts, descriptor, layers));
  await lease.hold(manifestDigest);
  const found = { id: descriptor.digest, manifestDigest, config, layers, size };
  const image = parts.catalog.record(imageOf(parts, found, { tags }));
  parts.events.emit('image', 'load', image.id, { name: image.id });
  return { image, tags };
}

async function configOf(parts: Parts, { digest }: Descriptor): Promise<ImageConfig> {
  const content = await parts.blobs.read(digest);
  return parseImageConfig(content.toString('utf8'), `the config ${digest} of the archive`);
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
  for (const { config, tags } of candidates) {
    const found = await configOf(parts, config);
    if (platforms.some((wanted) => matchesPlatform(found, wanted))) continue;
    throw notFound(
      'platform-missing',
      `loading images: ${tags.map(familiarName).join(', ') || config.digest} is of the platform ` +
        `${formatPlatform(found)}; required is ${platforms.map(formatPlatform).join(' or ')}`,
    );
  }
}

async function candidatesIn(
  parts: Parts,
  files: ArchiveFiles,
  platforms: readonly Platform[],
): Promise<Candidate[]> {
  const manifests = await ociManifests(parts, files, platforms[0] ?? parts.platform);
  const docker = files.document('manifest.json');
  if (docker === undefined) return manifests;
  // Newer archives have both layouts: the names stand in Docker's, the manifest of record in OCI's.
  return Promise.all(
    parseArchiveManifest(docker).map(async (entry) => {
      const candidate = await dockerCandidate(parts, files, entry);
      const same = manifests.find((other) => other.config.digest === candidate.config.digest);
      return same === undefined ? candidate : { ...same, tags: candidate.tags };
    }),
  );
}

async function dockerCandidate(parts: Parts, files: ArchiveFiles, entry: ArchiveEntry): Promise<Candidate> {
  const config = need(files, entry.Config);
  const layers: Descriptor[] = [];
  for (const name of entry.Layers) layers.push(await layerDescriptor(parts, need(files, name)));
  return { config, layers, tags: entry.RepoTags.map((tag) => formatReference(parseReference(tag))) };
}

function need(files: ArchiveFiles, name: string): Descriptor {
  const blob = files.blob(name);
  if (blob === undefined)
    throw invalid('archive-corrupt', `loading images: the archive names '${name}' but does not hold it`);
  return { mediaType: '', ...blob };
}

async function layerDescriptor(parts: Parts, { digest, size }: Descriptor): Promise<Descriptor> {
  const compression = compressionOf(await parts.layers.start(digest));
  const known = compression === 'gzip' || compression === 'zstd' ? compression : 'none';
  return { mediaType: layerMediaType(known), digest, size };
}

/** Images of an OCI layout (OCI image specification, image-layout.md), nested indexes resolved for a platform. */
async function ociManifests(parts: Parts, files: ArchiveFiles, wanted: Platform): Promise<Candidate[]> {
  const content = files.document('index.json');
  if (content === undefined) return [];
  const candidates: Candidate[] = [];
  for (const descriptor of parseIndex(content, 'index.json').manifests) {
    const manifest = await manifestFor(parts, files, descriptor, wanted);
    if (manifest !== undefined) candidates.push({ ...manifest, tags: tagsOf(descriptor) });
  }
  return candidates;
}

async function manifestFor(
  parts: Parts,
  files: ArchiveFiles,
  descriptor: Descriptor,
  wanted: Platform,
): Promise<Omit<Candidate, 'tags'> | undefined> {
  const blob = files.blob(`blobs/${descriptor.digest.replace(':', '/')}`);
  // An index may name platforms that the archive does not hold.
  if (blob === undefined || blob.digest !== descriptor.digest) return undefined;
  const content = (await parts.blobs.read(blob.digest)).toString('utf8');
  if (isIndexType(descriptor.mediaType) || looksLikeIndex(content)) {
    const chosen = selectManifest(parseIndex(content).manifests, wanted);
    return chosen === undefined ? undefined : manifestFor(parts, files, chosen, wanted);
  }
  const { config, layers } = checkHeld(parseManifest(content), files);
  return { config, layers, manifestDigest: blob.digest };
}

function checkHeld(manifest: Manifest, files: ArchiveFiles): Manifest {
  for (const { digest } of [manifest.config, ...manifest.layers])
    if (files.blob(`blobs/${digest.replace(':', '/')}`)?.digest !== digest)
      throw invalid('archive-corrupt', `loading images: blob ${digest} is missing or damaged in the archive`);
  return manifest;
}

/** containerd writes the whole name; the specification's own annotation may hold a mere tag, which names nothing. */
function tagsOf({ annotations = {} }: Descriptor): string[] {
  const name =
    annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'] ?? '';
  if (!/[:/]/.test(name) || isDigest(name)) return [];
  return [formatReference(parseReference(name))];
}
