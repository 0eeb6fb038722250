import { nearest } from '#base/nearest.ts';
import { placeOf, readDocument, shortName, type Loading } from './document.ts';
import { mergeTrees } from './merge.ts';
import type { Source } from './source.ts';
import { Reader } from './reader.ts';
import type { Entry, MapTree, Tree } from './tree.ts';

// `extends` (compose specification, 05-services.md): a service takes over another one, of the same file or of another,
// and changes it by the rules of merging.

/** The document with the services that extend others written out. `path` is where the file lies. */
export function resolveExtends(tree: MapTree, path: string, loading: Loading): MapTree {
  const services = tree.entries.get('services');
  if (services?.value.kind !== 'map') return tree;
  const run = new ExtendsRun(loading);
  const file = { path, services: services.value };
  const entries = [...services.value.entries].map(
    ([name, entry]) => [name, { ...entry, value: run.written(name, entry.value, file, []) }] as const,
  );
  const value: MapTree = { ...services.value, entries: new Map<string, Entry>(entries) };
  return { ...tree, entries: new Map([...tree.entries, ['services', { ...services, value }]]) };
}

interface ServicesOfFile {
  /** Absolute. */
  path: string;
  services: MapTree;
}

class ExtendsRun {
  readonly #loading: Loading;
  /** Files that were read already: many services take over from one file. */
  readonly #read = new Map<string, MapTree | undefined>();

  constructor(loading: Loading) {
    this.#loading = loading;
  }

  /** `chain`: the services that led here, as FILE SERVICE, to notice a circle. */
  written(name: string, service: Tree, file: ServicesOfFile, chain: readonly string[]): Tree {
    if (service.kind !== 'map') return service;
    const extend = new Reader(service, ['services', name], this.#loading.problems).at('extends');
    if (!extend.present) return service;
    const own: MapTree = {
      ...service,
      entries: new Map([...service.entries].filter(([key]) => key !== 'extends')),
    };
    const reference = extend.text() ?? extend.at('service').text();
    if (reference === undefined) return service;
    const here = `${shortName(this.#loading.folder, file.path)} ${name}`;
    if (chain.includes(here)) {
      const circle = [...chain.slice(chain.indexOf(here)), here];
      extend.complain(
        'compose-extends-cycle',
        `services extend each other in a circle: ${circle.join(' -> ')}`,
      );
      return own;
    }
    const base = this.#base(extend, reference, file, [...chain, here]);
    return base === undefined ? own : mergeTrees(base, own, ['services', name]);
  }

  #base(extend: Reader, name: string, file: ServicesOfFile, chain: readonly string[]): Tree | undefined {
    const other = this.#file(extend, file);
    if (other === undefined) return undefined;
    const found = other.services.entries.get(name)?.value;
    if (found === undefined) {
      const near = nearest(name, other.services.entries.keys());
      extend.complain(
        'compose-undefined-reference',
        `the service '${name}' that it extends is not in ${shortName(this.#loading.folder, other.path)}`,
        near === undefined ? undefined : `did you mean '${near}'?`,
      );
      return undefined;
    }
    return this.written(name, found, other, chain);
  }

  /** The file that `extends` names; the same one when it names none. */
  #file(extend: Reader, file: ServicesOfFile): ServicesOfFile | undefined {
    const named = extend.at('file').text();
    if (named === undefined) return file;
    const place = placeOf(extend.place.source.folder, named);
    if (!this.#read.has(place.path)) this.#read.set(place.path, this.#document(extend, place));
    const services = this.#read.get(place.path)?.entries.get('services')?.value;
    if (services?.kind === 'map') return { path: place.path, services };
    if (this.#read.get(place.path) === undefined) return undefined;
    const name = shortName(this.#loading.folder, place.path);
    extend.complain('compose-no-services', `${name}, which it extends from, defines no service`);
    return undefined;
  }

  #document(extend: Reader, place: { path: string; folder: string }): MapTree | undefined {
    const { source } = extend.place;
    const { file: name, line, column } = extend.place;
    const of: Source = {
      name: shortName(this.#loading.folder, place.path),
      folder: place.folder,
      lookup: source.lookup,
      via: [...source.via, { how: 'extended', at: { file: name, line, column } }],
    };
    return readDocument(place.path, of, this.#loading, extend.place);
  }
}
