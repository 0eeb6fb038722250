import { placeOf, withEnvironmentFiles, type EnvironmentFile, type Layer, type Loading } from './document.ts';
import { identityInFolder } from './merge.ts';
import { resolve } from './paths.ts';
import { problem, type Place, type Problem } from './problem.ts';
import { Reader } from './reader.ts';
import type { Entry, MapTree } from './tree.ts';

// `include` (compose specification, 14-include.md): other compose files with a folder and variables of their own,
// whose resources are copied in once all of their own relations are resolved.

/** How the files of an include are read: as all files are. */
type LoadLayer = (layer: Layer, loading: Loading, at: Place) => MapTree | undefined;

const sections = ['services', 'networks', 'volumes', 'secrets', 'configs', 'models'];

/** The document with the resources of the files that it includes; the last of `layer.above` is its own path. */
export function importIncluded(tree: MapTree, layer: Layer, loading: Loading, load: LoadLayer): MapTree {
  const include = new Reader(tree, [], loading.problems).at('include');
  if (!include.present) return tree;
  let whole = tree;
  for (const one of include.items()) {
    const included = loadIncluded(one, layer, loading, load);
    if (included !== undefined) whole = merged(whole, included, loading.problems);
  }
  // A wrong kind of value stays, for the schema to complain about.
  return include.tree?.kind === 'list' ? without(whole, 'include') : whole;
}

function without(tree: MapTree, key: string): MapTree {
  return { ...tree, entries: new Map([...tree.entries].filter(([name]) => name !== key)) };
}

function loadIncluded(one: Reader, layer: Layer, loading: Loading, load: LoadLayer): MapTree | undefined {
  const named = one.tree?.kind === 'map' ? one.at('path').texts() : one.texts();
  const [main] = named;
  if (main === undefined) {
    one.complain('compose-missing-key', "an include needs a 'path'");
    return undefined;
  }
  const remote = named.find((path) => /^(?:https?|git|ssh|oci):|^git@|\.git(?:[#?]|$)/.test(path));
  if (remote !== undefined) {
    one.complain('compose-remote-include', `'${remote}' is elsewhere: required is a file of this machine`);
    return undefined;
  }
  const first = placeOf(layer.folder, main);
  const paths = named.map((path) => resolve(layer.folder, path));
  if (layer.above.includes(first.path)) {
    const circle = [...layer.above.slice(layer.above.indexOf(first.path)), first.path];
    one.complain('compose-include-cycle', `files include each other in a circle: ${circle.join(' -> ')}`);
    return undefined;
  }
  const directory = one.at('project_directory').text();
  const folder = directory === undefined ? first.folder : resolve(layer.folder, directory);
  const lookup = withEnvironmentFiles(environmentFiles(one, folder, layer), layer.lookup, loading);
  const { file, line, column } = one.place;
  const via = [...layer.via, { how: 'included' as const, at: { file, line, column } }];
  return load({ paths, folder, lookup, via, above: layer.above }, loading, one.place);
}

function environmentFiles(one: Reader, folder: string, layer: Layer): EnvironmentFile[] {
  const named = one.at('env_file').texts();
  if (named.length === 0) return [{ path: resolve(folder, '.env'), required: false }];
  return named.map((path) => ({ path: resolve(layer.folder, path), required: true, at: one.place }));
}

/** Both may define a resource only when they define the same. */
function merged(tree: MapTree, included: MapTree, problems: Problem[]): MapTree {
  const entries = new Map<string, Entry>(tree.entries);
  for (const section of sections) {
    const theirs = included.entries.get(section);
    if (theirs?.value.kind !== 'map') continue;
    const ours = entries.get(section);
    if (ours === undefined) entries.set(section, theirs);
    else if (ours.value.kind === 'map') {
      const value = mergedSection(section, ours.value, theirs.value, problems);
      entries.set(section, { ...ours, value });
    }
  }
  return { ...tree, entries };
}

function mergedSection(section: string, ours: MapTree, theirs: MapTree, problems: Problem[]): MapTree {
  const entries = new Map<string, Entry>(ours.entries);
  for (const [name, entry] of theirs.entries) {
    const mine = entries.get(name);
    if (mine === undefined) entries.set(name, entry);
    else if (!isSame(mine, entry)) problems.push(conflict(section, name, mine, entry));
  }
  return { ...ours, entries };
}

/** The same text means something else in another folder. */
function isSame(mine: Entry, theirs: Entry): boolean {
  return identityInFolder(mine.value) === identityInFolder(theirs.value);
}

function conflict(section: string, name: string, mine: Entry, theirs: Entry): Problem {
  const { file, line, column } = mine.keyAt;
  const place = { path: `${section}.${name}`, at: theirs.keyAt };
  return problem(
    'error',
    'compose-include-conflict',
    place,
    `'${name}' is defined here and at ${file}:${line}:${column}`,
    'rename one, or change the included one in a second file of the include, or in compose.override.yaml',
  );
}
