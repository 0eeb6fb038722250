import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import {
  descriptorOfIndex,
  manifestIn,
  platformOf,
  subjectOf,
  type ImageIndex,
  type ManifestState,
} from '#domain/image/image-index.ts';
import { mediaTypes, type Descriptor, type Platform } from '#domain/image/manifest.ts';
import type { Parts } from '#engine/images/parts.ts';

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

/** Of a manifest in the store. */
export async function descriptorOf(parts: Pick<Parts, 'blobs'>, digest: Digest): Promise<Descriptor> {
  const { mediaType, size } = await describeManifest(parts, digest);
  return { mediaType, digest, size };
}

/** Of an image as an index names it, by its own manifest or another one of it. */
export async function describeImage(
  parts: Pick<Parts, 'blobs'>,
  { config, manifestDigest }: Image,
  digest = manifestDigest,
): Promise<Descriptor> {
  return { ...(await descriptorOf(parts, digest)), platform: platformOf(config) };
}

/** The manifests that names have been asked for, read once each. */
export class Manifests {
  readonly #parts: Pick<Parts, 'blobs' | 'catalog'>;
  /** A list of containers names the one of each. */
  readonly #descriptors = new WeakMap<Image, Promise<Descriptor>>();

  constructor(parts: Pick<Parts, 'blobs' | 'catalog'>) {
    this.#parts = parts;
  }

  /** What a name stands for: of an index where it is one. @throws not-found `image-missing`, `platform-missing` */
  target(name: string, wanted?: Platform): Promise<Descriptor> {
    const image = this.#parts.catalog.get(name, wanted);
    const index = this.#parts.catalog.indexOf(name);
    if (index === undefined) return this.of(image);
    if (wanted === undefined) return Promise.resolve(descriptorOfIndex(index));
    const manifest = manifestIn(index, image);
    const entry = index.manifests.find(({ digest }) => digest === manifest);
    return entry === undefined
      ? this.of(image)
      : Promise.resolve({ ...entry, platform: platformOf(image.config) });
  }

  /** Of one image, as an index would name it. */
  of(image: Image): Promise<Descriptor> {
    const known = this.#descriptors.get(image);
    if (known !== undefined) return known;
    const descriptor = describeImage(this.#parts, image);
    this.#descriptors.set(image, descriptor);
    // One that could not be read is read again by the next who asks.
    descriptor.catch(() => this.#descriptors.delete(image));
    return descriptor;
  }

  /** The entries of the index that a name stands for, or the one image. @throws not-found `image-missing` */
  async states(name: string): Promise<ManifestState[]> {
    const image = this.#parts.catalog.get(name);
    const index = this.#parts.catalog.indexOf(name);
    if (index !== undefined) return index.manifests.map((descriptor) => this.#stateIn(index, descriptor));
    return [imageState(await this.of(image), image)];
  }

  #stateIn(index: ImageIndex, descriptor: Descriptor): ManifestState {
    const id = index.images[descriptor.digest];
    const image = id === undefined ? undefined : this.#parts.catalog.byId(id);
    if (image !== undefined) return imageState(descriptor, image);
    const subject = subjectOf(descriptor);
    const attached = index.attachments.find(({ digest }) => digest === descriptor.digest);
    return {
      descriptor,
      isHere: attached !== undefined,
      content:
        attached === undefined ? 0 : attached.parts.reduce((sum, { size }) => sum + size, descriptor.size),
      ...(subject === undefined
        ? { kind: hasPlatform(descriptor) ? ('image' as const) : ('unknown' as const) }
        : { kind: 'attestation' as const, subject }),
    };
  }
}

function imageState(descriptor: Descriptor, image: Image): ManifestState {
  const content = image.layers.reduce((sum, { size }) => sum + size, descriptor.size);
  return { descriptor, kind: 'image', isHere: true, content, image };
}

function hasPlatform({ platform }: Descriptor): boolean {
  return platform !== undefined && platform.os !== 'unknown';
}
