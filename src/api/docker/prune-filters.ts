import type { Container } from '#domain/container/container.ts';
import { parseDuration } from '#domain/units/duration.ts';
import { labelsMatch, type Filters } from '#api/docker/query.ts';
import { invalid } from '#base/errors.ts';

export const pruneFilters = ['label', 'label!', 'until'] as const;

/** Milliseconds since 1970 of the filter `until`; Infinity without it. @throws invalid `time-invalid`, `filter-repeated` */
export function untilOf(wanted: Filters, now: number): number {
  const [until, ...others] = wanted.get('until') ?? [];
  if (others.length > 0) throw invalid('filter-repeated', 'more than one until filter specified');
  return until === undefined ? Infinity : momentOf(until, now);
}

/** Which containers a prune may remove. @param now milliseconds since 1970 */
export function pruneMatch(wanted: Filters, now: number): (container: Container) => boolean {
  const before = untilOf(wanted, now);
  return (container) =>
    Date.parse(container.created) < before && labelsMatch(container.config.Labels ?? {}, wanted);
}

/**
 * Milliseconds since 1970 of a time as Docker's clients write it: seconds since 1970, a duration before now
 * (`1h30m`), or RFC 3339.
 * @throws invalid `time-invalid`
 */
export function momentOf(text: string, now: number): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const before = parseDuration(text);
  if (before !== undefined) return now - before / 1e6;
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw invalid('time-invalid', `failed to parse value as time or duration: "${text}"`, {
    hint: 'write seconds since 1970, 1h30m, or RFC 3339',
  });
}
