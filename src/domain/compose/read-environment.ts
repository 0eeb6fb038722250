import { readDotenv } from './dotenv.ts';
import { shortName, type Loading } from './document.ts';
import { resolve } from './paths.ts';
import type { Reader } from './reader.ts';

/** env_file in order, then environment; what has no value takes the caller's or is left out. Sorted by name. */
export function readEnvironment(service: Reader, loading: Loading): Record<string, string> {
  const values = readFiles(fileReferences(service.at('env_file')), loading, 'environment');
  const own = service.at('environment');
  for (const [key, value] of own.pairs()) if (value === null) values.delete(key);
  for (const [key, value] of own.variables()) values.set(key, value);
  return sorted(values);
}

/** label_file in order, then labels. */
export function readLabels(service: Reader, loading: Loading): Record<string, string> {
  const values = readFiles(fileReferences(service.at('label_file')), loading, 'label');
  const own = Object.entries(service.at('labels').record());
  return values.size === 0 ? Object.fromEntries(own) : sorted(new Map([...values, ...own]));
}

function sorted(values: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface FileReference {
  path: string;
  required: boolean;
  raw: boolean;
  at: Reader;
}

function fileReferences(files: Reader): FileReference[] {
  const items = files.tree?.kind === 'list' ? files.items() : [files];
  return items.flatMap((item) => {
    const isLong = item.tree?.kind === 'map';
    const path = isLong ? item.at('path').text() : item.text();
    if (path === undefined) return [];
    const required = item.at('required').boolean() ?? true;
    return [{ path, required, raw: readsRaw(item.at('format')), at: item }];
  });
}

function readsRaw(format: Reader): boolean {
  return format.oneOf(['raw'] as const) === 'raw';
}

function readFiles(
  references: readonly FileReference[],
  { texts, problems, sources, folder }: Loading,
  kind: 'environment' | 'label',
): Map<string, string> {
  const values = new Map<string, string>();
  for (const { path, required, raw, at } of references) {
    const { source } = at.place;
    const absolute = resolve(source.folder, path);
    const text = texts.get(absolute);
    if (text === null && required)
      at.complain(
        `${kind === 'label' ? 'label' : 'env'}-file-missing`,
        `the ${kind} file '${path}' does not exist`,
        kind === 'label' ? undefined : 'create it, or write required: false',
      );
    if (typeof text !== 'string') continue;
    const name = shortName(folder, absolute);
    sources.set(name, text);
    const file = readDotenv(name, text, (variable) => source.lookup(variable) ?? values.get(variable), raw);
    problems.push(...file.problems);
    for (const [key, value] of file.values) values.set(key, value);
  }
  return values;
}
