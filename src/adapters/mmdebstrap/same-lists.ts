import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchUrl } from '#adapters/files/fetch.ts';
import { limitedBytes } from '#base/bytes.ts';
import { internal } from '#base/errors.ts';
import { parseDeb822, type Source } from '#domain/base/sources.ts';

/**
 * Whether the mirror's signed index is byte for byte the one that apt has verified, so that there is nothing to fetch, to verify
 * and to read anew. False also when that cannot be told.
 * @param sources as apt has them
 * @param lists apt's folder
 * @param patience milliseconds: a mirror that does not answer by then is left to apt, which has words for it
 */
export async function areSame(
  sources: string,
  lists: string,
  patience: number,
  signal: AbortSignal,
): Promise<boolean> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  const all = await Promise.all(parseDeb822(sources).map((source) => isSame(source, lists, until)));
  signal.throwIfAborted();
  return all.length > 0 && all.every(Boolean);
}

async function isSame({ uri, suite }: Source, lists: string, signal: AbortSignal): Promise<boolean> {
  const url = URL.parse(`${uri.replace(/\/$/, '')}/dists/${suite}/InRelease`);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '') return false;
  try {
    const known = await readFile(join(lists, fileOf(url)));
    const { body } = await fetchUrl(url, signal);
    return body !== null && known.equals(await limitedBytes(body, known.length, isLonger));
  } catch {
    // Nothing is known yet, the mirror has more by now, or it does not answer: apt tells.
    return false;
  }
}

const isLonger = (): Error => internal('lists-longer', 'the index of the mirror is longer than that of apt');

/** As apt names it: the URL without its scheme, slashes as underscores. */
function fileOf({ host, pathname }: URL): string {
  return `${host}${pathname}`.replaceAll('/', '_');
}
