import { fingerprint } from '#base/ids.ts';

/**
 * The key under which the result of a step is found again: the image it stands on, and everything that
 * its result depends on. Times of files are not part of it.
 */
export function cacheKey(parent: string, step: string[]): string {
  return fingerprint(JSON.stringify([parent, ...step]));
}
