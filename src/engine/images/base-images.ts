import type { NewImage, PullOptions } from '#engine/contracts.ts';
import type { Reference } from '#domain/image/reference.ts';

/** The registry whose images are made on the spot from signed packages. */
export const baseRegistry = 'debian.berth';

/** Who makes the images of `baseRegistry`. Their layers are in the store when `make` returns. */
export interface BaseImages {
  /** @throws as Bootstrapper; invalid for a name that is no list of packages */
  make(reference: Reference, options: PullOptions): Promise<NewImage>;
}
