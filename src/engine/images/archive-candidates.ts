import { invalid } from '#base/errors.ts';
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
import { subjectOf, type Attachment, type NewIndex } from '#domain/image/image-index.ts';
import { mediaTypes } from '#domain/image/manifest.ts';
import type { Descriptor, ImageConfig, Manifest, Platform } from '#domain/image/manifest.ts';
import { matchesPlatform } from '#domain/image/platform.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { ArchiveFiles } from '#engine/images/archive-reader.ts';
import type { Parts } from '#engine/images/parts.ts';

/** An image that an archive holds, before its layers are unpacked. */
export interface CandidateImage {
  config: Descriptor;
  layers: Descriptor[];
  /** Absent for Docker's layout: then one is written. */
  manifestDigest?: Digest;
  /** Of the manifest. */
  annotations?: Manifest['annotations'];
}

/** What tags of an archive stand for: one image, or those of an index that it holds and that are wanted. */
export interface Candidate {
  images: CandidateImage[];
  /** Without the ids of its images. */
  index?: NewIndex;
  tags: string[];
}

interface Found extends Candidate {
  /** Of all its images, wanted or not. */
  configs: Digest[];
}

/** @param platforms of the images of indexes that are wanted; none: all @throws invalid `archive-corrupt`, `image-document-invalid` */
export async function candidatesIn(
  parts: Parts,
  files: ArchiveFiles,
  platforms: readonly Platform[],
): Promise<Candidate[]> {
  const layout = new Layout(parts, files, platforms);
  const found = await layout.candidates();
  const docker = files.document('manifest.json');
  if (docker === undefined) return found;
  // Newer archives have both layouts: the names stand in Docker's, the manifest of record in OCI's.
  const entries = await Promise.all(
    parseArchiveManifest(docker).map(async (entry) => {
      const image = await dockerImage(parts, files, entry);
      const tags = entry.RepoTags.map((tag) => formatReference(parseReference(tag)));
      const alike = found.filter(({ configs }) => configs.includes(image.config.digest));
      // Names may stand for several manifests of one image.
      const same = alike.find((each) => each.tags.some((tag) => tags.includes(tag))) ?? alike[0];
      return { same, candidate: same === undefined ? { images: [image], tags } : { ...same, tags } };
    }),
  );
  const known = new Set(entries.flatMap(({ same }) => same?.index?.digest ?? []));
  // Docker's has no entry for an index of which this machine's image is not there.
  const others = found.filter(({ index }) => index !== undefined && !known.has(index.digest));
  return [...entries.map(({ candidate }) => candidate), ...others];
}

/** @throws as `parseImageConfig` */
export async function configOf(
  { blobs }: Pick<Parts, 'blobs'>,
  { digest }: Descriptor,
): Promise<ImageConfig> {
  const content = await blobs.read(digest);
  return parseImageConfig(content.toString('utf8'), `the config ${digest} of the archive`);
}

async function dockerImage(parts: Parts, files: ArchiveFiles, entry: ArchiveEntry): Promise<CandidateImage> {
  const config = need(files, entry.Config);
  const layers: Descriptor[] = [];
  for (const name of entry.Layers) layers.push(await layerDescriptor(parts, need(files, name)));
  return { config, layers };
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

/** The OCI layout of an archive (OCI image specification, image-layout.md). */
class Layout {
  readonly #parts: Parts;
  readonly #files: ArchiveFiles;
  readonly #platforms: readonly Platform[];

  constructor(parts: Parts, files: ArchiveFiles, platforms: readonly Platform[]) {
    this.#parts = parts;
    this.#files = files;
    this.#platforms = platforms;
  }

  async candidates(): Promise<Found[]> {
    const content = this.#files.document('index.json');
    if (content === undefined) return [];
    const candidates: Found[] = [];
    for (const descriptor of parseIndex(content, 'index.json').manifests) {
      const found = await this.#candidate(descriptor);
      if (found !== undefined) candidates.push({ ...found, tags: tagsOf(descriptor) });
    }
    return candidates;
  }

  async #candidate(descriptor: Descriptor): Promise<Omit<Found, 'tags'> | undefined> {
    const content = await this.#read(descriptor);
    if (content === undefined) return undefined;
    if (isIndexType(descriptor.mediaType) || looksLikeIndex(content)) return this.#index(descriptor, content);
    const image = this.#image(descriptor.digest, parseManifest(content));
    return { images: [image], configs: [image.config.digest] };
  }

  async #index(descriptor: Descriptor, content: string): Promise<Omit<Found, 'tags'> | undefined> {
    const { manifests, mediaType = descriptor.mediaType } = parseIndex(
      content,
      `the index ${descriptor.digest}`,
    );
    const images: CandidateImage[] = [];
    const attachments: { attachment: Attachment; subject: string | undefined }[] = [];
    const configs: Digest[] = [];
    const unwanted = new Set<string | undefined>();
    for (const entry of manifests) {
      const text = isManifestType(entry.mediaType) ? await this.#read(entry) : undefined;
      // An index may name platforms that the archive does not hold, and what is no manifest.
      if (text === undefined || looksLikeIndex(text)) continue;
      const manifest = parseManifest(text);
      if (!isImage(entry, manifest)) {
        const attachment = this.#attachment(entry.digest, manifest);
        if (attachment !== undefined) attachments.push({ attachment, subject: subjectOf(entry) });
        continue;
      }
      configs.push(manifest.config.digest);
      if (await this.#isWanted(entry, manifest)) images.push(this.#image(entry.digest, manifest));
      else unwanted.add(entry.digest);
    }
    if (configs.length === 0) return undefined;
    const index: NewIndex = {
      ...{ digest: descriptor.digest, mediaType, size: Buffer.byteLength(content), manifests, images: {} },
      attachments: attachments.flatMap(({ attachment, subject }) =>
        unwanted.has(subject) ? [] : [attachment],
      ),
    };
    return { images, index, configs };
  }

  async #isWanted({ platform }: Descriptor, { config }: Manifest): Promise<boolean> {
    if (this.#platforms.length === 0) return true;
    const found = platform ?? (await configOf(this.#parts, config));
    return this.#platforms.some((wanted) => matchesPlatform(found, wanted));
  }

  #image(manifestDigest: Digest, { config, layers, annotations }: Manifest): CandidateImage {
    for (const { digest } of [config, ...layers])
      if (!this.#holds(digest))
        throw invalid(
          'archive-corrupt',
          `loading images: blob ${digest} is missing or damaged in the archive`,
        );
    return { config, layers, manifestDigest, ...(annotations !== undefined && { annotations }) };
  }

  #attachment(digest: Digest, { config, layers }: Manifest): Attachment | undefined {
    const blobs = [config, ...layers];
    return blobs.every((blob) => this.#holds(blob.digest)) ? { digest, parts: blobs } : undefined;
  }

  async #read({ digest }: Descriptor): Promise<string | undefined> {
    return this.#holds(digest) ? (await this.#parts.blobs.read(digest)).toString('utf8') : undefined;
  }

  #holds(digest: Digest): boolean {
    return this.#files.blob(`blobs/${digest.replace(':', '/')}`)?.digest === digest;
  }
}

function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest;
}

function isImage(entry: Descriptor, { config }: Manifest): boolean {
  if (subjectOf(entry) !== undefined || entry.platform?.os === 'unknown') return false;
  return config.mediaType === mediaTypes.ociConfig || config.mediaType === mediaTypes.dockerConfig;
}

/** containerd writes the whole name; the specification's own annotation may hold a mere tag, which names nothing. */
function tagsOf({ annotations = {} }: Descriptor): string[] {
  const name =
    annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'] ?? '';
  if (!/[:/]/.test(name) || isDigest(name)) return [];
  return [formatReference(parseReference(name))];
}
