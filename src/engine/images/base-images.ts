import type { Image } from '#domain/image/image.ts';
import type { NewImage, PullOptions } from '#engine/contracts.ts';
import type { Reference } from '#domain/image/reference.ts';

export { baseRegistry } from '#domain/base/base-name.ts';

/** Who makes the images of `debian.berth`. Their layers are in the store when `make` returns. */
export interface BaseImages {
  /** @throws as Bootstrapper; invalid for a name that is no list of packages */
  make(reference: Reference, options: PullOptions): Promise<NewImage>;
  /** To be called when what it made is an image of the store. */
  made(image: Image): Promise<void>;
}
