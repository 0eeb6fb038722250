import type { Digest } from '#domain/image/digest.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import { mediaTypes } from '#domain/image/manifest.ts';
import { parseReference, type Reference } from '#domain/image/reference.ts';
import type { Catalog } from '#engine/images/catalog.ts';

/** Where a blob can be had again. */
export interface Origin {
  reference: Reference;
  blob: Descriptor;
  /** A manifest is asked for in another way than a blob. */
  isManifest: boolean;
}

/** The registries that images with this blob were pulled from or pushed to. */
export function originsOf(catalog: Pick<Catalog, 'all' | 'repoDigestsOf'>, digest: Digest): Origin[] {
  return catalog.all().flatMap((image) => {
    const { id, manifestDigest, layers } = image;
    const isManifest = manifestDigest === digest;
    const other =
      id === digest || isManifest ? { mediaType: mediaTypes.ociConfig, digest, size: Infinity } : undefined;
    const blob = layers.find((layer) => layer.digest === digest) ?? other;
    if (blob === undefined) return [];
    return catalog
      .repoDigestsOf(image)
      .map((name) => ({ reference: parseReference(name), blob, isManifest }));
  });
}
