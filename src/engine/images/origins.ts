import type { Digest } from '#domain/image/digest.ts';
import { parseReference, type Reference } from '#domain/image/reference.ts';
import type { Catalog } from '#engine/images/catalog.ts';

/** Where a part of an image can be had again. */
export interface Origin {
  reference: Reference;
  /** Of the image, which describes the others. */
  manifest: Digest;
  part: 'manifest' | 'config' | 'layer';
}

/** The registries that images with this blob were pulled from or pushed to. */
export function originsOf(catalog: Pick<Catalog, 'all' | 'repoDigestsOf'>, digest: Digest): Origin[] {
  return catalog.all().flatMap((image) => {
    const { id, manifestDigest: manifest, layers } = image;
    const part = layers.some((layer) => layer.digest === digest) ? 'layer' : partOf(digest, id, manifest);
    if (part === undefined) return [];
    return catalog
      .repoDigestsOf(image)
      .map((name) => ({ reference: parseReference(name), manifest, part }) as const);
  });
}

function partOf(digest: Digest, config: Digest, manifest: Digest): 'config' | 'manifest' | undefined {
  if (digest === config) return 'config';
  return digest === manifest ? 'manifest' : undefined;
}
