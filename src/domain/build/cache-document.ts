import type { Digest } from '#domain/image/digest.ts';
import { isDigest } from '#domain/image/digest.ts';
import type { Descriptor, ImageConfig } from '#domain/image/manifest.ts';

/** The config of a manifest whose layers are those of the steps: a cache in a registry or folder. */
export const cacheMediaType = 'application/vnd.berth.buildcache.v1+json';

/** What steps of builds made, for other engines. A key names all that a step depends on. */
export interface CacheDocument {
  version: 1;
  /** Which image a key gave. */
  keys: Record<string, Digest>;
  /** The configurations of these images, as they are written. */
  images: Record<Digest, string>;
  /** By diff ids. Within an image itself there are none: its manifest says where its layers are. */
  layers: Record<Digest, Descriptor>;
}

/** One image that a cache gives for a key. */
export interface CachedImage {
  id: Digest;
  config: ImageConfig;
}

const parse: (text: string) => unknown = JSON.parse;
const parseConfig: (text: string) => ImageConfig = JSON.parse;

/** Undefined where the text is no cache that this engine reads. */
export function readCacheDocument(text: string): CacheDocument | undefined {
  try {
    const document = parse(text);
    return isDocument(document) ? document : undefined;
  } catch {
    return undefined;
  }
}

/** What the document has under a key; undefined where it is not whole. */
export function imageUnder(
  document: CacheDocument,
  key: string,
): (CachedImage & { text: string }) | undefined {
  const id = Object.hasOwn(document.keys, key) ? document.keys[key] : undefined;
  const text = id !== undefined && Object.hasOwn(document.images, id) ? document.images[id] : undefined;
  if (id === undefined || text === undefined) return undefined;
  try {
    const config = parseConfig(text);
    return Array.isArray(config.rootfs.diff_ids) ? { id, config, text } : undefined;
  } catch {
    return undefined;
  }
}

function isDocument(found: unknown): found is CacheDocument {
  if (!isRecord(found) || found['version'] !== 1) return false;
  const { keys, images, layers } = found;
  if (!isRecord(keys) || !isRecord(images) || !isRecord(layers)) return false;
  return (
    Object.values(keys).every((id) => typeof id === 'string' && isDigest(id)) &&
    Object.values(images).every((text) => typeof text === 'string') &&
    Object.values(layers).every(isDescriptor)
  );
}

function isDescriptor(found: unknown): boolean {
  return (
    isRecord(found) &&
    typeof found['mediaType'] === 'string' &&
    typeof found['digest'] === 'string' &&
    isDigest(found['digest']) &&
    typeof found['size'] === 'number'
  );
}

function isRecord(found: unknown): found is Record<string, unknown> {
  return typeof found === 'object' && found !== null && !Array.isArray(found);
}
