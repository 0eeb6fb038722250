import type { LayerLimits } from '#domain/image/layer-limit.ts';

/** How images are brought in and sent away, as the settings say. */
export interface TransferRules {
  /** Layers of one image at a time. */
  downloads: number;
  uploads: number;
  /** Milliseconds for which what came of an interrupted pull is kept. */
  keepPartial: number;
  /** What layers that are stored uncompressed are pushed as; level 0 is the usual one. */
  compression: { kind: 'gzip' | 'zstd'; level: number };
  /** Signatures and bills of materials of images that are made here go along when those are pushed. */
  pushReferrers: boolean;
  limits: LayerLimits;
}
