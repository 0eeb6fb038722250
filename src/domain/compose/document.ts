import { readDotenv } from './dotenv.ts';
import type { Lookup } from './interpolate.ts';
import { interpolateTree } from './interpolate-tree.ts';
import { folderOf, resolve } from './paths.ts';
import { problem, type Place, type Problem } from './problem.ts';
import { Reader } from './reader.ts';
import type { Source, Via } from './source.ts';
import type { Texts } from './texts.ts';
import { readTree, type MapTree, type Tree } from './tree.ts';

/** What reading the files of a project has at hand. */
export interface Loading {
  texts: Texts;
  problems: Problem[];
  /** Text by the file's name, to quote from. */
  sources: Map<string, string>;
  /** Of the whole project: names are told relative to it. */
  folder: string;
  /** Documents read so far. */
  documents: number;
}

/** Files that include others twice, over and over, are more than any project has. */
const mostDocuments = 1000;

/** Some files that are merged into one document, with the folder and the variables that hold for them. */
export interface Layer {
  /** Absolute paths; the later changes the earlier. */
  paths: readonly string[];
  folder: string;
  lookup: Lookup;
  via: readonly Via[];
  /** Absolute paths of the files that include this one, outermost first. */
  above: readonly string[];
}

/** One file with its variables in place. `at` is where it is asked for, when it is not a person who names it. */
export function readDocument(
  path: string,
  source: Source,
  loading: Loading,
  at?: Place,
): MapTree | undefined {
  const { texts, problems, sources } = loading;
  const text = texts.get(path);
  if (text === undefined) return undefined;
  const start: Place = { file: source.name, line: 1, column: 1, source };
  loading.documents += 1;
  if (loading.documents > mostDocuments) {
    const message = `more than ${mostDocuments} files are included or extended`;
    if (loading.documents === mostDocuments + 1)
      problems.push(problem('error', 'compose-too-many-files', { path: '', at: at ?? start }, message));
    return undefined;
  }
  if (text === null) {
    const place = { path: '', at: at ?? start };
    problems.push(problem('error', 'compose-file-missing', place, `there is no file '${path}'`));
    return undefined;
  }
  sources.set(source.name, text);
  const { tree, problems: found } = readTree(source, text);
  problems.push(...found);
  if (tree?.kind === 'map') return mapOf(interpolateTree(tree, source.lookup, problems));
  if (found.length > 0) return undefined;
  const what = tree === undefined ? 'the file is empty' : 'the file is not a mapping';
  const place = { path: '', at: tree?.at ?? start };
  problems.push(problem('error', 'compose-empty', place, `${what}: required is at least 'services:'`));
  return undefined;
}

/** The tree, if it is a mapping. */
export function mapOf(tree: Tree): MapTree | undefined {
  return tree.kind === 'map' ? tree : undefined;
}

/** As messages call a file: relative to the project where it lies in it. */
export function shortName(folder: string, path: string): string {
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
}

export interface EnvironmentFile {
  path: string;
  required: boolean;
  /** Where it is asked for. */
  at?: Place;
}

/** The variables of environment files, the later over the earlier; those of `lookup` win. */
export function withEnvironmentFiles(
  files: readonly EnvironmentFile[],
  lookup: Lookup,
  { texts, problems, sources, folder }: Loading,
): Lookup {
  const values = new Map<string, string>();
  for (const { path, required, at } of files) {
    const text = texts.get(path);
    const name = shortName(folder, path);
    if (typeof text === 'string') {
      sources.set(name, text);
      const file = readDotenv(name, text, (variable) => lookup(variable) ?? values.get(variable));
      problems.push(...file.problems);
      for (const [key, value] of file.values) values.set(key, value);
    } else if (text === null && required) {
      const place = { path: '', at: at ?? { file: name, line: 1, column: 1 } };
      problems.push(
        problem('error', 'env-file-missing', place, `the environment file '${path}' does not exist`),
      );
    }
  }
  return (variable) => lookup(variable) ?? values.get(variable);
}

/** The folder of a file, seen from where it is named. */
export function placeOf(folder: string, path: string): { path: string; folder: string } {
  const absolute = resolve(folder, path);
  return { path: absolute, folder: folderOf(absolute) };
}

/** The documents of a YAML file that is none of compose's: without variables, `include` and `extends`. */
export function readDocuments(path: string, at: Reader, loading: Loading): Reader[] {
  const text = loading.texts.get(path);
  if (text === undefined) return [];
  if (text === null) {
    at.complain('compose-file-missing', `there is no file '${path}'`);
    return [];
  }
  const name = shortName(loading.folder, path);
  loading.sources.set(name, text);
  const source: Source = { name, folder: folderOf(path), lookup: () => undefined, via: [] };
  let line = 0;
  return text.split(/^---.*$/m).flatMap((part) => {
    // Empty lines in the place of what comes before keep the numbers of lines.
    const { tree, problems } = readTree(source, '\n'.repeat(line) + part);
    line += part.split('\n').length - 1;
    loading.problems.push(...problems);
    return tree === undefined ? [] : [new Reader(tree, [], loading.problems)];
  });
}
