import type { Digest } from '#domain/image/digest.ts';
import type { Descriptor, ImageConfig } from '#domain/image/manifest.ts';

/** An image that the store holds whole: manifest, config and layers are in the blob store. */
export interface Image {
  /** Digest of the config: what Docker calls the image's id. */
  id: Digest;
  manifestDigest: Digest;
  config: ImageConfig;
  /** From the lowest layer up, as the manifest names them. */
  layers: Descriptor[];
  /** Chain id of the whole, the key of its top snapshot; '' for an image without layers. */
  chainId: Digest | '';
  /** Bytes of the unpacked layers together. */
  size: number;
  /** Fully qualified: `docker.io/library/redis:7`. Sorted. */
  tags: string[];
  /** Fully qualified with digest, from pulls and pushes: `docker.io/library/redis@sha256:...`. */
  repoDigests: string[];
  /** RFC 3339; when it came into this store. */
  stored: string;
  /** Set for images that the classic builder made: the id of the image built upon. */
  parent?: Digest;
}
