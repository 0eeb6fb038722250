import type { CacheEntry, PruneLimits } from '#domain/build/cache-prune.ts';
import { invalid, messageOf } from '#base/errors.ts';
import { own } from '#base/own.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import { timestamp, type PruneRequest, type UsageRecord } from '#api/buildkit/messages.ts';
import type { BuildkitParts } from '#api/buildkit/parts.ts';

type Usage = ValueOf<typeof UsageRecord>;

/** The entries of the build cache that pass the filters. */
export function diskUsage({ builds }: BuildkitParts, filters: readonly string[]): Usage[] {
  return builds.cacheEntries().filter(matcher(filters)).map(usageOf);
}

/** Prunes, and gives what went. */
export async function* prune(
  { builds, now }: BuildkitParts,
  request: ValueOf<typeof PruneRequest>,
): AsyncGenerator<Usage> {
  const oldest = now() - request.keepDuration / 1e6;
  const matches = matcher(request.filters);
  const before = builds.cacheEntries();
  const limits: PruneLimits = {
    reservedBytes: request.reservedSpace,
    ...(request.maxUsedSpace > 0 && { maxBytes: request.maxUsedSpace }),
    ...(request.minFreeSpace > 0 && { freeBytes: request.minFreeSpace }),
  };
  await builds.prune((entry) => matches(entry) && entry.used <= oldest, limits);
  const left = new Set(builds.cacheEntries().map(({ id }) => id));
  for (const entry of before) if (!left.has(entry.id)) yield usageOf(entry);
}

function usageOf(entry: CacheEntry): Usage {
  const { id, size, created, used, uses, description, kind, shared, parent, inUse } = entry;
  return {
    ...{ id, inUse, size, description, shared },
    mutable: kind === 'exec.cachemount',
    created: timestamp(created),
    lastUsed: timestamp(used),
    usageCount: uses,
    recordType: kind,
    parents: parent === undefined ? [] : [parent],
  };
}

/** containerd's filters, as far as clients of caches use them: `id==...`, `type==...`, several joined by commas. */
function matcher(filters: readonly string[]): (entry: CacheEntry) => boolean {
  const alternatives = filters
    .filter((filter) => filter !== '')
    .map((filter) => filter.split(',').map(conditionOf));
  if (alternatives.length === 0) return () => true;
  return (entry) => alternatives.some((conditions) => conditions.every((holds) => holds(entry)));
}

function conditionOf(text: string): (entry: CacheEntry) => boolean {
  const [, name = '', operator = '', value = ''] = /^([a-z]+)(==|!=|~=)?"?(.*?)"?$/.exec(text.trim()) ?? [];
  const field = own(fields, name);
  if (field === undefined)
    throw invalid('filter-invalid', `invalid filter '${text}': known are ${Object.keys(fields).join(', ')}`);
  if (operator === '') return (entry) => !['', 'false'].includes(field(entry));
  if (operator === '~=') {
    const pattern = patternOf(text, value);
    return (entry) => pattern.test(field(entry));
  }
  return (entry) => (field(entry) === value) === (operator === '==');
}

/** Without groups and counts, which can keep a matcher busy for ever. @throws invalid `filter-invalid` */
function patternOf(filter: string, text: string): RegExp {
  if (/[(){}|]/.test(text))
    throw invalid(
      'filter-invalid',
      `invalid filter '${filter}': groups, counts and alternatives are not offered`,
    );
  try {
    return new RegExp(text);
  } catch (cause) {
    throw invalid('filter-invalid', `invalid filter '${filter}': ${messageOf(cause)}`, { cause });
  }
}

const fields: Readonly<Record<string, (entry: CacheEntry) => string>> = {
  id: ({ id }) => id,
  type: ({ kind }) => kind,
  description: ({ description }) => description,
  parents: ({ parent = '' }) => parent,
  inuse: ({ inUse }) => String(inUse),
  shared: ({ shared }) => String(shared),
  private: ({ shared }) => String(!shared),
  mutable: ({ kind }) => String(kind === 'exec.cachemount'),
};
