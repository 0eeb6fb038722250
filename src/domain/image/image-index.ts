import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import type { Descriptor, Platform } from '#domain/image/manifest.ts';
import { selectManifest } from '#domain/image/platform.ts';

/**
 * What names stand for when they stand for more than one image: an index, its blob in the store, with as much of it as is here.
 * Or, as its only entry, a manifest that is another one than its image has here: with annotations of its own.
 */
export interface ImageIndex {
  digest: Digest;
  mediaType: string;
  /** Bytes. */
  size: number;
  /** Of what names it in an archive. */
  annotations?: Record<string, string>;
  /** Its entries, in their order. */
  manifests: Descriptor[];
  /** The images that are here: their ids, by the digests of their manifests. */
  images: Record<string, Digest>;
  /** What else is here whole, such as attestations. */
  attachments: Attachment[];
  /** Fully qualified tags and digests, and the id of the image that carries these names. */
  names: string[];
}

/** A manifest that no image has here as its own, with its config and layers. */
export interface Attachment {
  digest: Digest;
  parts: Descriptor[];
}

/** An index before names stand for it. */
export type NewIndex = Omit<ImageIndex, 'names'>;

/** One entry of an index, or the one manifest of an image. */
export interface ManifestState {
  descriptor: Descriptor;
  kind: 'image' | 'attestation' | 'unknown';
  isHere: boolean;
  /** The bytes of its blobs that are here. */
  content: number;
  /** Where it is an image that is here. */
  image?: Image;
  /** Where it is an attestation: the manifest that it is about. */
  subject?: string;
}

const subjectKey = 'vnd.docker.reference.digest';

/** The manifest that an attestation is about (BuildKit, docs/attestations/attestation-storage.md). */
export function subjectOf({ annotations = {} }: Descriptor): string | undefined {
  return annotations['vnd.docker.reference.type'] === 'attestation-manifest'
    ? annotations[subjectKey]
    : undefined;
}

export function withSubject(descriptor: Descriptor, subject: string): Descriptor {
  return { ...descriptor, annotations: { ...descriptor.annotations, [subjectKey]: subject } };
}

/** Every blob that an index has beside those of its images. */
export function blobsOfIndex({ digest, attachments }: NewIndex): Digest[] {
  return [digest, ...blobsOfAttachments(attachments)];
}

export function blobsOfAttachments(attachments: readonly Attachment[]): Digest[] {
  return attachments.flatMap(({ digest, parts }) => [digest, ...parts.map((part) => part.digest)]);
}

/** The image for a platform, of those that are here. @param images that the index names */
export function imageFor(index: NewIndex, images: readonly Image[], wanted: Platform): Image | undefined {
  const here = index.manifests.flatMap((descriptor) => {
    const image = images.find(({ id }) => id === index.images[descriptor.digest]);
    return image === undefined ? [] : [{ image, descriptor: described(descriptor, image) }];
  });
  const chosen = selectManifest(
    here.map(({ descriptor }) => descriptor),
    wanted,
  );
  return here.find(({ descriptor }) => descriptor === chosen)?.image;
}

/** An entry of an index need not say the platform; the image does. */
function described(descriptor: Descriptor, { config }: Image): Descriptor {
  return { ...descriptor, platform: descriptor.platform ?? platformOf(config) };
}

export function platformOf({ architecture, os, variant }: Platform): Platform {
  return { architecture, os, ...(variant !== undefined && variant !== '' && { variant }) };
}

export function descriptorOfIndex({ mediaType, digest, size, annotations }: NewIndex): Descriptor {
  return { mediaType, digest, size, ...(annotations !== undefined && { annotations }) };
}

/** Whether it is a manifest alone. */
export function isManifestAlone({ digest, manifests }: NewIndex): boolean {
  return manifests.some((each) => each.digest === digest);
}

/** The manifest of an image as an index has it: the image's own, or another one of the same layers, with annotations. */
export function manifestIn({ images, attachments }: NewIndex, image: Image): Digest {
  const isOfLayers = ({ parts: [, ...layers] }: Attachment): boolean =>
    image.layers.every(({ digest }, place) => layers[place]?.digest === digest);
  const own = attachments.find((each) => images[each.digest] === image.id && isOfLayers(each));
  return own?.digest ?? image.manifestDigest;
}
