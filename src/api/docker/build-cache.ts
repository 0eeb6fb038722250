import type { FastifyInstance } from 'fastify';
import { momentOf } from '#api/docker/prune-filters.ts';
import { filters, integer, isTrue, labelsMatch, type Filters, type Query } from '#api/docker/query.ts';
import { compareVersions } from '#api/versions.ts';
import type { CacheEntry, PruneLimits } from '#domain/build/cache-prune.ts';
import type { Builds } from '#engine/contracts.ts';

const accepted = [
  ...['until', 'unused-for', 'id', 'parent', 'type', 'description', 'inuse', 'shared', 'private'],
  // What is cached has no labels; `docker system prune` hands on its filters all the same.
  ...['label', 'label!'],
];

/** `docker builder prune`. */
export function buildPrune(app: FastifyInstance, parts: { builds: Builds; now: () => number }): void {
  app.post<{ Querystring: Query }>('/build/prune', async ({ query }) => {
    const accepts = matcher(filters(query, accepted), parts.now());
    const { removed, reclaimed } = await parts.builds.prune(accepts, limitsOf(query));
    return { CachesDeleted: removed, SpaceReclaimed: reclaimed };
  });
}

/** @throws invalid `query-invalid` */
function limitsOf(query: Query): PruneLimits {
  const reserved = integer(query, 'reserved-space') ?? integer(query, 'keep-storage') ?? 0;
  const most = integer(query, 'max-used-space') ?? 0;
  const free = integer(query, 'min-free-space') ?? 0;
  return {
    reservedBytes: reserved,
    ...(most > 0 && { maxBytes: most }),
    ...(free > 0 && { freeBytes: free }),
  };
}

function matcher(wanted: Filters, now: number): (entry: CacheEntry) => boolean {
  const moments = [...(wanted.get('until') ?? []), ...(wanted.get('unused-for') ?? [])];
  const before = Math.min(...moments.map((text) => momentOf(text, now)));
  const one = (key: string, matches: (value: string) => boolean): boolean =>
    wanted.get(key)?.some(matches) ?? true;
  const said = (key: string, value: boolean): boolean => !wanted.has(key) || isTrue(wanted, key) === value;
  return ({ id, kind, parent, description, used, inUse, shared }) =>
    used < before &&
    labelsMatch({}, wanted) &&
    one('id', (text) => id.startsWith(text)) &&
    one('parent', (text) => parent?.startsWith(text) === true) &&
    one('type', (text) => text === kind) &&
    one('description', (text) => description.includes(text)) &&
    said('inuse', inUse) &&
    said('shared', shared) &&
    said('private', !shared);
}

/** BuildCache of `GET /system/df`. */
export function cacheJson(entry: CacheEntry, apiVersion: string): object {
  const { id, kind, parent, description, size, created, used, uses, inUse, shared } = entry;
  const isOld = compareVersions(apiVersion, '1.42') < 0;
  return {
    ID: id,
    ...(isOld ? { Parent: parent ?? '' } : parent !== undefined && { Parents: [parent] }),
    Type: kind,
    Description: description,
    InUse: inUse,
    Shared: shared,
    Size: size,
    CreatedAt: new Date(created).toISOString(),
    LastUsedAt: used === 0 ? null : new Date(used).toISOString(),
    UsageCount: uses,
  };
}
