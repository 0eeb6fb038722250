import type { CacheTarget, Choice } from '#engine/contracts.ts';
import { narrated, type Narrator } from '#engine/solves/narration.ts';
import { invalid, unsupported } from '#base/errors.ts';

/** Tells, as one vertex each, of caches that are not read: BuildKit, too, goes on without a cache that it cannot have. */
export async function tellUnread(caches: readonly Choice[], narrator: Narrator): Promise<void> {
  for (const { type, attributes } of caches) {
    const name = attributes['ref'] ?? attributes['src'] ?? type;
    await narrated(narrator, `importing cache manifest from ${name}`, () =>
      Promise.reject(
        unsupported('cache-import-unsupported', 'importing caches is not offered: the build goes on without'),
      ),
    ).catch(() => undefined);
  }
}

/** Where the client wants the cache of the build. @throws unsupported naming the type; invalid without a reference */
export function cacheTargetsOf(caches: readonly Choice[]): CacheTarget[] {
  return caches.map(({ type, attributes }) => {
    if (type === 'inline') return { kind: 'inline' };
    if (type !== 'registry')
      throw unsupported('cache-unsupported', `a cache of type '${type}' is not offered`);
    const { ref = '', mode } = attributes;
    if (ref === '') throw invalid('cache-invalid', "--cache-to type=registry lacks 'ref'");
    return { kind: 'registry', reference: ref, mode: mode === 'max' ? 'max' : 'min' };
  });
}
