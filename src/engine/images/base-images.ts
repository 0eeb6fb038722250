import type { Image } from '#domain/image/image.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import type { NewImage, PullOptions } from '#engine/contracts.ts';
import type { Reference } from '#domain/image/reference.ts';

export { baseRegistry } from '#domain/base/base-name.ts';

/** Who makes the images of `debian.berth`. Their layers are in the store when `make` returns. */
export interface BaseImages {
  /** @throws as Bootstrapper; invalid for a name that is no list of packages */
  make(reference: Reference, options: PullOptions): Promise<NewImage>;
  /** To be called when what it made is an image of the store. */
  made(image: Image): Promise<void>;
  /**
   * What goes along with an image that it made, for the registry that has it now.
   * @param repository with its registry @returns nothing for other images
   */
  companions(image: Image, subject: Descriptor, repository: string): Promise<Companion[]>;
}

/** What an artifact says. */
export interface ArtifactContent {
  mediaType: string;
  content: Buffer;
  annotations: Record<string, string>;
}

/** An artifact about an image: listed as its referrer, or found by a tag, or both. */
export interface Companion {
  artifactType: string;
  layers: ArtifactContent[];
  annotations: Record<string, string>;
  isReferrer: boolean;
  /** As cosign has it: `sha256-HEX.sig`. */
  tag?: string;
}
