import type { Readable } from 'node:stream';

/** Takes off what Node itself cannot take off: bzip2 and xz. */
export interface Decompressor {
  /**
   * The content of a stream that is compressed in one of these ways. An error of either is an error of the result;
   * destroying the result destroys the source. Fails with invalid `layer-corrupt`, unavailable `decompressor-missing`.
   */
  open(source: Readable): Readable;
}
