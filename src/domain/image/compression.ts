import { mediaTypes } from '#domain/image/manifest.ts';

export type Compression = 'none' | 'gzip' | 'zstd' | 'xz' | 'bzip2';

const magics: [Compression, number[]][] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

/** How a stream that begins with these bytes (6 are enough) is compressed. */
export function compressionOf(start: Uint8Array): Compression {
  for (const [compression, magic] of magics)
    if (magic.every((byte, i) => start[i] === byte)) return compression;
  return isSkippable(start) ? 'zstd' : 'none';
}

/** A frame of zstd that holds nothing (RFC 8878, section 3.1.2): some compressors begin with one. */
function isSkippable([first = 0, ...rest]: Uint8Array): boolean {
  return first >> 4 === 5 && [0x2a, 0x4d, 0x18].every((byte, i) => rest[i] === byte);
}

/** The media type of a layer in an OCI manifest. */
export function layerMediaType(compression: 'none' | 'gzip' | 'zstd'): string {
  if (compression === 'gzip') return mediaTypes.ociLayerGzip;
  return compression === 'zstd' ? mediaTypes.ociLayerZstd : mediaTypes.ociLayer;
}

/** The media type in an OCI manifest of a layer that came with a manifest of Docker's, perhaps. */
export function ociLayerType(mediaType: string): string {
  if (mediaType === mediaTypes.dockerLayer) return mediaTypes.ociLayer;
  return mediaType === mediaTypes.dockerLayerGzip ? mediaTypes.ociLayerGzip : mediaType;
}
