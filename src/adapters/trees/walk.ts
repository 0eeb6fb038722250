import { readdirSync, type Stats } from 'node:fs';
import { lstatOrUndefined, raw } from './in-root.ts';

export interface Walked {
  /** Relative to where the walk began, '' for that itself; a byte string. */
  relative: string;
  absolute: string;
  stats: Stats;
}

/** A file or a whole tree, parents before their children, in order of name; links are not followed. */
export function* walk(start: string, relative = ''): Generator<Walked> {
  const stats = lstatOrUndefined(start);
  if (stats === undefined) return;
  yield { relative, absolute: start, stats };
  if (!stats.isDirectory()) return;
  const names = readdirSync(raw(start), { encoding: 'latin1' }).sort();
  for (const name of names) yield* walk(`${start}/${name}`, relative === '' ? name : `${relative}/${name}`);
}
