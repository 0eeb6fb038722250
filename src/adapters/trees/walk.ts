import { readdirSync, type Stats } from 'node:fs';
import type { Filter } from '#ports/file-trees.ts';
import { lstatOrUndefined, raw } from '#adapters/files/byte-path.ts';
import { judgeOf, type Judge } from './tree-facts.ts';

export interface Walked {
  /** Relative to where the walk began, '' for that itself; a byte string. */
  relative: string;
  absolute: string;
  stats: Stats;
  /** By the filter; where the walk began is always taken. */
  taken: boolean;
}

/**
 * A file or a whole tree, parents before their children, in order of name; links are not followed.
 * `prefix` is the start's path below its root, for the filter.
 */
export function walk(start: string, prefix: string, filter: Filter): Generator<Walked> {
  return visit(start, '', judgeOf(prefix, filter));
}

function* visit(absolute: string, relative: string, judge: Judge): Generator<Walked> {
  const stats = lstatOrUndefined(absolute);
  if (stats === undefined) return;
  const { taken, entered } = judge(relative);
  yield { relative, absolute, stats, taken };
  if (!stats.isDirectory() || !entered) return;
  const names = readdirSync(raw(absolute), { encoding: 'latin1' }).sort();
  for (const name of names)
    yield* visit(`${absolute}/${name}`, relative === '' ? name : `${relative}/${name}`, judge);
}
