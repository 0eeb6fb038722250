import { mediaTypes, type Descriptor } from '#domain/image/manifest.ts';
import { isDigest } from '#domain/image/digest.ts';
import type { CacheSource, CacheTarget, Choice, ClientBlobs } from '#engine/contracts.ts';
import { narrated, type Narrator } from '#engine/solves/narration.ts';
import type { BuildSession } from '#ports/build-sessions.ts';
import { invalid, unsupported } from '#base/errors.ts';

/** The content that the client keeps in a folder, by the folder's path there. */
export type OpenFolder = (path: string) => ClientBlobs;

/** `written` is told of each manifest: the client names the last one in the folder's index. */
export function foldersOf(
  { blobs }: BuildSession,
  signal: AbortSignal,
  written: (manifest: Descriptor) => void,
): OpenFolder {
  return (path) => {
    const store = `local:${path}`;
    return {
      read: (digest) => blobs.read(store, digest, signal),
      write: async (descriptor, content) => {
        await blobs.write(store, descriptor, content, signal);
        if (descriptor.mediaType === mediaTypes.ociManifest) written(descriptor);
      },
    };
  };
}

/**
 * Where the client has caches. One that cannot be read is told of, as a vertex of its own: BuildKit, too, goes on without.
 */
export async function cacheSourcesOf(
  caches: readonly Choice[],
  open: OpenFolder,
  narrator: Narrator,
): Promise<CacheSource[]> {
  const sources: CacheSource[] = [];
  for (const cache of caches) {
    const source = sourceOf(cache, open);
    if (source instanceof Error) {
      const { ref, src } = cache.attributes;
      const name = `importing cache manifest from ${ref ?? src ?? cache.type}`;
      await narrated(narrator, name, () => Promise.reject(source)).catch(() => undefined);
    } else sources.push(source);
  }
  return sources;
}

/** Or what is wrong with it. */
function sourceOf({ type, attributes }: Choice, open: OpenFolder): CacheSource | Error {
  const { ref = '', src = '', digest = '' } = attributes;
  if (type === 'registry')
    return ref === '' ? lacking('--cache-from', type, 'ref') : { kind: type, reference: ref };
  if (type !== 'local')
    return unsupported('cache-import-unsupported', `a cache of type '${type}' is not offered`);
  if (src === '') return lacking('--cache-from', type, 'src');
  if (!isDigest(digest)) return lacking('--cache-from', type, 'digest');
  return { kind: type, digest, blobs: open(src) };
}

/** Where the client wants the cache of the build. @throws unsupported naming the type; invalid without a place */
export function cacheTargetsOf(caches: readonly Choice[], open: OpenFolder): CacheTarget[] {
  return caches.map(({ type, attributes }) => {
    if (type === 'inline') return { kind: 'inline' };
    const { ref = '', dest = '' } = attributes;
    const mode = attributes['mode'] === 'max' ? 'max' : 'min';
    if (type === 'registry') {
      if (ref === '') throw lacking('--cache-to', type, 'ref');
      return { kind: type, reference: ref, mode };
    }
    if (type !== 'local')
      throw unsupported('cache-unsupported', `a cache of type '${type}' is not offered`, {
        hint: 'registry, local and inline are offered',
      });
    if (dest === '') throw lacking('--cache-to', type, 'dest');
    return { kind: type, mode, blobs: open(dest) };
  });
}

function lacking(option: string, type: string, name: string): Error {
  return invalid('cache-invalid', `${option} type=${type} lacks '${name}'`);
}
