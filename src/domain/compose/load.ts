import { mapOf, readDocument, shortName, type Layer, type Loading } from './document.ts';
import { resolveExtends } from './extends.ts';
import { importIncluded } from './include.ts';
import { mergeTrees, withoutResets } from './merge.ts';
import type { Place } from './problem.ts';
import type { MapTree, Tree } from './tree.ts';

/** The merged document of a layer; undefined when a file is missing, unreadable or still to be read. */
export function loadLayer(layer: Layer, loading: Loading, at?: Place): MapTree | undefined {
  const trees = layer.paths.map((path) => loadFile(path, layer, loading, at));
  const [first, ...rest] = trees;
  let merged: Tree | undefined = first;
  for (const tree of rest)
    merged = merged === undefined || tree === undefined ? undefined : mergeTrees(merged, tree);
  return merged?.kind === 'map' ? mapOf(withoutResets(merged)) : undefined;
}

function loadFile(path: string, layer: Layer, loading: Loading, at?: Place): MapTree | undefined {
  const { folder, lookup, via } = layer;
  const source = { name: shortName(loading.folder, path), folder, lookup, via };
  const tree = readDocument(path, source, loading, at);
  if (tree === undefined) return undefined;
  const whole = importIncluded(tree, { ...layer, above: [...layer.above, path] }, loading, loadLayer);
  return resolveExtends(whole, path, loading);
}
