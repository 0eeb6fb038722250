import { platformOf, type Attachment, type NewIndex } from '#domain/image/image-index.ts';
import type { Image } from '#domain/image/image.ts';
import { ociLayerType } from '#domain/image/compression.ts';
import { mediaTypes, type Descriptor, type Manifest } from '#domain/image/manifest.ts';
import type { Annotated } from '#engine/contracts.ts';
import { documentOf, type Document } from '#engine/images/attestations.ts';
import type { Parts } from '#engine/images/parts.ts';

/** The manifest of an image of this store with annotations, as an entry of an index and as what that has of its own. */
export interface AnnotatedManifest {
  document: Document;
  attachment: Attachment;
}

/** Annotations are OCI's: so is the manifest, whatever the image came as. */
export async function annotatedManifest(
  { blobs }: Pick<Parts, 'blobs'>,
  image: Image,
  annotations: NonNullable<Annotated['annotations']>,
): Promise<AnnotatedManifest> {
  const { size = 0 } = (await blobs.stat(image.id)) ?? {};
  const config: Descriptor = { mediaType: mediaTypes.ociConfig, digest: image.id, size };
  const layers = image.layers.map((layer) => ({ ...layer, mediaType: ociLayerType(layer.mediaType) }));
  const manifest: Manifest = {
    ...{ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers },
    ...(Object.keys(annotations).length > 0 && { annotations: { ...annotations } }),
  };
  const document = documentOf(mediaTypes.ociManifest, manifest);
  const descriptor = { ...document.descriptor, platform: platformOf(image.config) };
  return {
    document: { ...document, descriptor },
    attachment: { digest: descriptor.digest, parts: [config, ...layers] },
  };
}

/** As names stand for it. */
export function manifestAlone({ id, config }: Image, { document, attachment }: AnnotatedManifest): NewIndex {
  const { mediaType, digest, size } = document.descriptor;
  return {
    ...{ mediaType, digest, size },
    manifests: [{ mediaType, digest, size, platform: platformOf(config) }],
    ...{ images: { [digest]: id }, attachments: [attachment] },
  };
}

/** What is noted on a descriptor. */
export function noted({ descriptor }: Pick<Annotated, 'descriptor'>): Pick<Descriptor, 'annotations'> {
  return descriptor === undefined ? {} : { annotations: { ...descriptor } };
}
