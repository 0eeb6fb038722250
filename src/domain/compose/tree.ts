import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { problem, type Place, type Problem } from './problem.ts';
import type { Source } from './source.ts';

/** YAML with aliases and merge keys resolved, every value and key with its place. */
export type Tree = ScalarTree | ListTree | MapTree;

export type ScalarValue = string | number | boolean | null;

export interface ScalarTree {
  kind: 'scalar';
  at: Place;
  value: ScalarValue;
  /** As written, for numbers whose notation matters (0440). */
  source: string;
  tag?: string;
}

export interface ListTree {
  kind: 'list';
  at: Place;
  items: Tree[];
  tag?: string;
}

export interface MapTree {
  kind: 'map';
  at: Place;
  entries: Map<string, Entry>;
  tag?: string;
}

export interface Entry {
  keyAt: Place;
  value: Tree;
}

/** Aliases of aliases grow exponentially; no honest compose file has so many values. */
const mostValues = 200_000;

/** Reads one YAML document. The tree is undefined when there are errors or nothing at all. */
export function readTree(source: Source, text: string): { tree?: Tree; problems: Problem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: false,
    uniqueKeys: true,
    logLevel: 'silent',
  });
  const position = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file: source.name, line: Math.max(line, 1), column: Math.max(col, 1), source };
  };
  const problems = document.errors.map((error) => {
    const code = `yaml-${error.code.toLowerCase().replaceAll('_', '-')}`;
    const place = { path: '', at: position(error.pos[0]) };
    return problem('error', code, place, sentence(error.code, error.message), hints[error.code]);
  });
  if (problems.length > 0) return { problems };
  if (document.contents === null) return { problems };
  const reader = new TreeReader(document, position);
  const tree = reader.read(document.contents);
  return reader.problems.length > 0 ? { problems: reader.problems } : { tree, problems: [] };
}

const hints: Record<string, string | undefined> = {
  TAB_AS_INDENT: 'indent with spaces: YAML does not allow tabs',
  DUPLICATE_KEY: 'keep one of the two; a later one would silently win elsewhere',
  MULTIPLE_DOCS: 'a compose file is one document: remove the line ---',
};

function sentence(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'the same key stands here twice in one mapping';
  if (code === 'TAB_AS_INDENT') return 'a tab is used for indentation';
  return message.replace(/ at line \d+, column \d+:?[\s\S]*$/, '');
}

class TreeReader {
  readonly problems: Problem[] = [];
  readonly #document: Document;
  readonly #position: (offset: number) => Place;
  #values = 0;

  constructor(document: Document, position: (offset: number) => Place) {
    this.#document = document;
    this.#position = position;
  }

  read(node: Node): Tree {
    this.#values += 1;
    if (this.#values > mostValues) {
      if (this.#values === mostValues + 1)
        this.#complain('yaml-too-large', node, `the aliases unfold to more than ${mostValues} values`);
      return this.#null(node);
    }
    if (isAlias(node)) return this.#alias(node);
    if (isMap(node)) return this.#map(node);
    if (isSeq(node)) return this.#list(node);
    if (isScalar(node)) return this.#scalar(node);
    return this.#null(node);
  }

  #alias(node: Node): Tree {
    const target = isAlias(node) ? node.resolve(this.#document) : undefined;
    if (target === undefined) {
      this.#complain('yaml-bad-alias', node, 'this alias names no anchor that stands before it');
      return this.#null(node);
    }
    if (contains(target, node)) {
      this.#complain('yaml-bad-alias', node, 'this alias stands inside the value that it repeats');
      return this.#null(node);
    }
    return this.read(target);
  }

  #scalar(node: Scalar): ScalarTree {
    const value = node.value;
    const plain =
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
    return withTag({ kind: 'scalar', at: this.#at(node), value: plain, source: node.source ?? '' }, node);
  }

  #list(node: YAMLSeq): ListTree {
    const items = node.items.flatMap((item) => (isNode(item) ? [this.read(item)] : []));
    return withTag({ kind: 'list', at: this.#at(node), items }, node);
  }

  #map(node: YAMLMap): MapTree {
    const own = new Map<string, Entry>();
    const merged = new Map<string, Entry>();
    for (const pair of node.items) {
      if (!isPair(pair) || !isNode(pair.key)) continue;
      const key = this.#key(pair.key);
      if (key === undefined) continue;
      const keyAt = this.#at(pair.key);
      const value: Tree = isNode(pair.value)
        ? this.read(pair.value)
        : { kind: 'scalar', at: keyAt, value: null, source: '' };
      if (key === '<<') this.#merge(value, merged);
      else own.set(key, { keyAt, value });
    }
    // What the mapping itself says wins over what it merges in.
    const entries = new Map([...merged, ...own]);
    return withTag({ kind: 'map', at: this.#at(node), entries }, node);
  }

  #key(node: Node): string | undefined {
    if (isScalar(node)) return typeof node.value === 'string' ? node.value : (node.source ?? '');
    this.#complain('yaml-bad-key', node, 'a key must be a plain text');
    return undefined;
  }

  /** YAML merge key: of several mappings the earlier wins. */
  #merge(value: Tree, into: Map<string, Entry>): void {
    const sources = value.kind === 'list' ? value.items : [value];
    for (const source of sources) {
      if (source.kind !== 'map') {
        const place = { path: '', at: source.at };
        this.problems.push(
          problem('error', 'yaml-bad-merge', place, 'the merge key << takes a mapping or a list of mappings'),
        );
        continue;
      }
      for (const [key, entry] of source.entries) if (!into.has(key)) into.set(key, entry);
    }
  }

  #null(node: Node): ScalarTree {
    return { kind: 'scalar', at: this.#at(node), value: null, source: '' };
  }

  #at(node: Node): Place {
    return this.#position(node.range?.[0] ?? 0);
  }

  #complain(code: string, node: Node, message: string): void {
    this.problems.push(problem('error', code, { path: '', at: this.#at(node) }, message));
  }
}

function isNode(value: unknown): value is Node {
  return isAlias(value) || isMap(value) || isSeq(value) || isScalar(value);
}

function contains(outer: Node, inner: Node): boolean {
  const [start, , end] = outer.range ?? [0, 0, 0];
  const at = inner.range?.[0] ?? -1;
  return at >= start && at < end;
}

function withTag<T extends Tree>(tree: T, node: { tag?: string | undefined }): T {
  return node.tag?.startsWith('!') === true && !node.tag.startsWith('!!') ? { ...tree, tag: node.tag } : tree;
}

/** The tree as JSON would have it. */
export function toPlain(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(toPlain);
  return Object.fromEntries([...tree.entries].map(([key, entry]) => [key, toPlain(entry.value)]));
}

/** The value at a path of keys and indexes, or undefined. */
export function find(tree: Tree, path: readonly (string | number)[]): Tree | undefined {
  let here: Tree | undefined = tree;
  for (const step of path) here = here === undefined ? undefined : child(here, String(step));
  return here;
}

function child(tree: Tree, step: string): Tree | undefined {
  if (tree.kind === 'map') return tree.entries.get(step)?.value;
  return tree.kind === 'list' ? tree.items[Number(step)] : undefined;
}

/** `services.web.ports[0]` */
export function formatPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}
