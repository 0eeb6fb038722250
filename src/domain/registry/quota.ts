import { invalid } from '#base/errors.ts';
import { parseBytes } from '#domain/units/bytes.ts';
import { checkPattern, matchesPattern } from './names.ts';

/** How much the repositories of a pattern may hold. */
export interface Quota {
  /** Pattern of repositories. */
  repositories: string;
  /** Bytes of blobs and manifests; what a repository has twice counts once, what two of them have counts for both. */
  limit: number;
  /** For each of them, or for all of them together. */
  scope: QuotaScope;
}

export type QuotaScope = 'each' | 'all';

/** @param limit such as `20GB`, as Docker reads sizes @throws invalid `registry-pattern-invalid`, `registry-quota-invalid` */
export function readQuota({ repositories, limit, scope }: Omit<Quota, 'limit'> & { limit: string }): Quota {
  const bytes = parseBytes(limit);
  if (bytes !== undefined && bytes > 0)
    return { repositories: checkPattern(repositories), limit: bytes, scope };
  throw invalid(
    'registry-quota-invalid',
    `the quota '${limit.slice(0, 50)}' for '${repositories}' is not a size: required is one such as 500MB or 20GB`,
  );
}

/** How much may be added to a repository, and which quota says so; undefined without one. */
export function roomIn(
  quotas: readonly Quota[],
  repository: string,
  sizes: ReadonlyMap<string, number>,
): { bytes: number; quota: Quota } | undefined {
  const rooms = quotas
    .filter((quota) => matchesPattern(quota.repositories, repository))
    .map((quota) => ({ quota, bytes: Math.max(0, quota.limit - heldBy(quota, repository, sizes)) }));
  return rooms.sort((one, other) => one.bytes - other.bytes)[0];
}

function heldBy(
  { repositories, scope }: Quota,
  repository: string,
  sizes: ReadonlyMap<string, number>,
): number {
  if (scope === 'each') return sizes.get(repository) ?? 0;
  let sum = 0;
  for (const [name, size] of sizes) if (matchesPattern(repositories, name)) sum += size;
  return sum;
}
