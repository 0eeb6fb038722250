import { problem, type Place, type Position, type Problem } from './problem.ts';
import { formatPath, type ScalarTree, type Tree } from './tree.ts';
import { parseBytes } from '#domain/units/bytes.ts';
import { parseBoolean, parseSeconds, splitCommand } from './values.ts';

type Path = readonly (string | number)[];

/** Of a document without any text. */
const nowhere: Place = {
  file: '',
  line: 1,
  column: 1,
  source: { name: '', folder: '/', lookup: () => undefined, via: [] },
};

/**
 * A value of the document with its path. The schema has been checked, so a value of the wrong type is read as
 * absent; what the schema cannot say is complained about here, and reading goes on.
 */
export class Reader {
  readonly path: Path;
  readonly tree: Tree | undefined;
  /** Where it stands; of an absent value, what it would stand in. */
  readonly place: Place;
  readonly #problems: Problem[];

  constructor(tree: Tree | undefined, path: Path, problems: Problem[], outer?: Place) {
    this.tree = tree;
    this.path = path;
    this.place = tree?.at ?? outer ?? nowhere;
    this.#problems = problems;
  }

  get present(): boolean {
    return this.tree !== undefined && !(this.tree.kind === 'scalar' && this.tree.value === null);
  }

  at(key: string): Reader {
    const child = this.tree?.kind === 'map' ? this.tree.entries.get(key)?.value : undefined;
    return new Reader(child, [...this.path, key], this.#problems, this.place);
  }

  /** Keys and values of a mapping; own extensions are left out. */
  entries(): [string, Reader][] {
    if (this.tree?.kind !== 'map') return [];
    return [...this.tree.entries.keys()]
      .filter((key) => !key.startsWith('x-'))
      .map((key) => [key, this.at(key)]);
  }

  items(): Reader[] {
    if (this.tree?.kind !== 'list') return [];
    return this.tree.items.map(
      (item, index) => new Reader(item, [...this.path, index], this.#problems, this.place),
    );
  }

  complain(code: string, message: string, hint?: string): void {
    const place = { path: formatPath(this.path), at: this.place };
    this.#problems.push(problem('error', code, place, message, hint));
  }

  /** About what was read before and stands elsewhere. */
  complainAt(at: Position, code: string, message: string): void {
    this.#problems.push(problem('error', code, { path: '', at }, message));
  }

  warn(code: string, message: string): void {
    const place = { path: formatPath(this.path), at: this.place };
    this.#problems.push(problem('warning', code, place, message));
  }

  text(): string | undefined {
    const scalar = this.#scalar();
    if (scalar === undefined || scalar.value === null) return undefined;
    const isLong =
      typeof scalar.value === 'number' &&
      Number.isInteger(scalar.value) &&
      !Number.isSafeInteger(scalar.value);
    return isLong ? scalar.source : String(scalar.value);
  }

  boolean(): boolean | undefined {
    return this.#parsed('true or false', parseBoolean);
  }

  number(): number | undefined {
    return this.#parsed('a number', (text) =>
      text.trim() === '' || Number.isNaN(Number(text)) ? undefined : Number(text),
    );
  }

  integer(): number | undefined {
    return this.#parsed('a whole number', (text) => (/^[+-]?\d+$/.test(text) ? Number(text) : undefined));
  }

  /** A file mode: octal as a text and when it begins with 0, as YAML 1.1 has it. */
  mode(): number | undefined {
    const scalar = this.#scalar();
    const isPlain = typeof scalar?.value === 'number' && !/^0[0-7]/.test(scalar.source);
    if (isPlain) return this.integer();
    return this.#parsed('a file mode such as 0440', (text) => {
      const octal = typeof scalar?.value === 'number' ? scalar.source : text;
      return /^[0-7]+$/.test(octal) ? Number.parseInt(octal, 8) : undefined;
    });
  }

  bytes(): number | undefined {
    return this.#parsed('a size such as 512m', parseBytes);
  }

  /** Nanoseconds. */
  duration(): number | undefined {
    return this.#parsed('a duration such as 1m30s', parseSeconds);
  }

  seconds(): number | undefined {
    const nanoseconds = this.duration();
    return nanoseconds === undefined ? undefined : nanoseconds / 1e9;
  }

  oneOf<Word extends string>(words: readonly Word[]): Word | undefined {
    const choices = words.map((word) => `'${word}'`).join(', ');
    return this.#parsed(`one of ${choices}`, (text) => words.find((word) => word === text));
  }

  /** A list of texts, or one text. */
  texts(): string[] {
    if (this.tree?.kind === 'list') return this.items().flatMap((item) => item.text() ?? []);
    const one = this.text();
    return one === undefined ? [] : [one];
  }

  /** A list of arguments, or one command line split into words. */
  command(): string[] | undefined {
    if (this.tree?.kind === 'list') return this.texts();
    const line = this.text();
    if (line === undefined) return undefined;
    const words = splitCommand(line);
    if (words === undefined) this.complain('compose-invalid-value', `a quote is never closed in '${line}'`);
    return words;
  }

  /** A mapping, or a list of KEY=VALUE; a key without a value is null. */
  pairs(): Map<string, string | null> {
    return new Map(this.#pairs().map(({ key, value }) => [key, value]));
  }

  /** As pairs; what has no value takes it from the variables of its file, or is left out. */
  variables(): Map<string, string> {
    const known = this.#pairs().map(
      ({ key, value, place }) => [key, value ?? place.source.lookup(key)] as const,
    );
    return new Map(known.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
  }

  /** As pairs, written NAME or NAME=VALUE. */
  lines(): string[] {
    return [...this.pairs()].map(([key, value]) => (value === null ? key : `${key}=${value}`));
  }

  /** As pairs, with '' for what has no value. */
  record(): Record<string, string> {
    return Object.fromEntries([...this.pairs()].map(([key, value]) => [key, value ?? '']));
  }

  #pairs(): { key: string; value: string | null; place: Place }[] {
    if (this.tree?.kind === 'map')
      return [...this.tree.entries.keys()].map((key) => {
        const value = this.at(key);
        return { key, value: value.text() ?? null, place: value.place };
      });
    return this.items().map((item) => {
      const text = item.text() ?? '';
      const split = text.indexOf('=');
      const [key, value] = split < 0 ? [text, null] : [text.slice(0, split), text.slice(split + 1)];
      if (key === '') item.complain('compose-invalid-value', `'${text}' has no name: required is NAME=VALUE`);
      return { key, value, place: item.place };
    });
  }

  #scalar(): ScalarTree | undefined {
    return this.tree?.kind === 'scalar' ? this.tree : undefined;
  }

  #parsed<T>(required: string, parse: (text: string) => T | undefined): T | undefined {
    const text = this.text();
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined)
      this.complain('compose-invalid-value', `found '${text}', required is ${required}`);
    return value;
  }
}

/** An object without the keys whose value is undefined. */
export function compact<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T;
export function compact(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));
}
