import { interpolate, type Lookup } from './interpolate.ts';
import { problem, type Problem } from './problem.ts';
import { formatPath, type Tree } from './tree.ts';

/** The tree with variables replaced in every text. Keys are taken as they are. */
export function interpolateTree(
  tree: Tree,
  lookup: Lookup,
  problems: Problem[],
  path: readonly (string | number)[] = [],
): Tree {
  if (tree.kind === 'list')
    return {
      ...tree,
      items: tree.items.map((item, index) => interpolateTree(item, lookup, problems, [...path, index])),
    };
  if (tree.kind === 'map') {
    const entries = [...tree.entries].map(([key, entry]) => {
      const value = interpolateTree(entry.value, lookup, problems, [...path, key]);
      return [key, { ...entry, value }] as const;
    });
    return { ...tree, entries: new Map(entries) };
  }
  if (typeof tree.value !== 'string' || !tree.value.includes('$')) return tree;
  const result = interpolate(tree.value, lookup);
  const place = { path: formatPath(path), at: tree.at };
  for (const name of new Set(result.missing)) {
    const message = `The "${name}" variable is not set. Defaulting to a blank string.`;
    problems.push(problem('warning', 'variable-not-set', place, message));
  }
  problems.push(...result.errors.map((error) => problem('error', error.code, place, error.message)));
  return { ...tree, value: result.text };
}
