import { invalid } from '#base/errors.ts';
import { formatBytes } from '#domain/units/bytes.ts';

/** What a layer may grow to when it is unpacked. */
export interface LayerLimits {
  /** Unpacked bytes. */
  maxSize: number;
  /** Unpacked bytes for each packed one; for layers of more than a GiB. */
  maxRatio: number;
}

/** What bounds one layer. */
export interface LayerBound {
  limits: LayerLimits;
  /** The packed one. */
  layer: { digest: string; size: number };
}

/** A few zeros that compress well are no bomb. */
const harmless = 1024 ** 3;

/** Counts what comes out of one layer, and stops it before it fills the disk. */
export class LayerLimit {
  readonly #limits: LayerLimits;
  readonly #layer: LayerBound['layer'];
  #unpacked = 0;

  constructor({ limits, layer }: LayerBound) {
    this.#limits = limits;
    this.#layer = layer;
  }

  /** @param bytes that came out. @throws invalid `layer-too-large` */
  take(bytes: number): void {
    this.#unpacked += bytes;
    const { maxSize, maxRatio } = this.#limits;
    if (this.#unpacked > maxSize)
      throw this.#tooLarge(`more than ${formatBytes(maxSize)}`, 'registries.max-layer-size');
    if (this.#unpacked > harmless && this.#unpacked > this.#layer.size * maxRatio)
      throw this.#tooLarge(`more than ${maxRatio} times its size`, 'registries.max-layer-ratio');
  }

  #tooLarge(found: string, setting: string): Error {
    const { digest, size } = this.#layer;
    return invalid(
      'layer-too-large',
      `unpacking layer ${digest}: its ${formatBytes(size)} unpack to ${found}, as a decompression bomb does`,
      { hint: `if the image is to be trusted, raise ${setting} in the settings` },
    );
  }
}
