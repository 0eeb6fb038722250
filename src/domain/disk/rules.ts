import { shareBytes } from '#domain/disk/share.ts';
import { formatDecimalBytes } from '#domain/units/bytes.ts';

/** How the disk is kept from filling up. Shares are as `share.ts` reads them. */
export interface DiskSettings {
  /** Seconds between two looks; 0: nothing is collected unless somebody asks for it. */
  period: number;
  /** What is to stay free of the file system of the root folder. */
  keepFree: string;
  /** What the build cache may take. */
  buildCache: string;
  /** What of it stays also when space is short. */
  buildCacheReserved: string;
  /** Entries of the build cache that nothing used for so long go. */
  buildCacheDays: number;
  /** Images without a name that nothing used for so long go. */
  untaggedDays: number;
  /** When space is short, unused images go once nothing used them for so long. */
  unusedHours: number;
}

/** The same in bytes and milliseconds. */
export interface DiskRules {
  keepFree: number;
  buildCache: number;
  buildCacheReserved: number;
  buildCacheAge: number;
  untaggedAge: number;
  unusedAge: number;
  /** Interrupted downloads that nobody went on with, and contexts of clients that no build used. */
  partialAge: number;
  /** What contexts that images can be built from again may take. */
  sources: number;
}

const hour = 3_600_000;

/** Settings of other sections that say what stays. */
export interface KeepSettings {
  /** Hours, of registries. */
  keepPartial: number;
  /** A share, of bases. */
  keepContexts: string;
}

/** @param total bytes of the disk */
export function rulesOf(settings: DiskSettings, keep: KeepSettings, total: number): DiskRules {
  const buildCache = shareBytes(settings.buildCache, total);
  return {
    keepFree: shareBytes(settings.keepFree, total),
    buildCache,
    buildCacheReserved: Math.min(buildCache, shareBytes(settings.buildCacheReserved, total)),
    buildCacheAge: settings.buildCacheDays * 24 * hour,
    untaggedAge: settings.untaggedDays * 24 * hour,
    unusedAge: settings.unusedHours * hour,
    partialAge: keep.keepPartial * hour,
    sources: shareBytes(keep.keepContexts, total),
  };
}

export type DiskKind =
  'images' | 'containers' | 'volumes' | 'build-cache' | 'sources' | 'logs' | 'registry' | 'temporary';

/** What holds for a kind, in words. */
export function ruleWords(kind: DiskKind, rules: DiskRules): string {
  const short = `less than ${formatDecimalBytes(rules.keepFree)} are free`;
  const words: Record<DiskKind, string> = {
    images:
      `without a name: after ${ageWords(rules.untaggedAge)} without use; ` +
      `any that is unused for ${ageWords(rules.unusedAge)}: while ${short}, the longest unused first`,
    containers: 'never removed by itself',
    volumes: 'never removed by itself',
    'build-cache':
      `after ${ageWords(rules.buildCacheAge)} without use; above ${formatDecimalBytes(rules.buildCache)} the longest ` +
      `unused first; while ${short} down to ${formatDecimalBytes(rules.buildCacheReserved)}`,
    sources:
      `contexts that clients sent, for berth base refresh: with their images; above ${formatDecimalBytes(rules.sources)}, ` +
      `or while ${short}, the longest unused first`,
    logs: 'by max-size and max-file of each container, as they are written; with their container',
    registry: 'by berth registry retention; what no manifest names after an hour; uploads after a day',
    temporary:
      `interrupted downloads and contexts of builds after ${ageWords(rules.partialAge)}, packages that bases are made of ` +
      `after ${ageWords(rules.untaggedAge)} without use, or while ${short}`,
  };
  return words[kind];
}

/** `3 days`, `5 hours`, `0 hours`. */
export function ageWords(milliseconds: number): string {
  const hours = Math.floor(milliseconds / hour);
  const [count, unit] = hours >= 48 && hours % 24 === 0 ? [hours / 24, 'day'] : [hours, 'hour'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
