import { mergeKind, type MergeKind } from './merge-rules.ts';
import type { Entry, ListTree, MapTree, ScalarTree, Tree } from './tree.ts';

// How a later compose file changes an earlier one (compose specification, 13-merge.md): mappings merge, lists
// append, plain values and commands are replaced. What stands in lists as NAME=VALUE or may also be a mapping is
// brought into one form first. `unique.ts` then keeps one entry for each target.

type Path = readonly string[];

type Merge = (base: Tree, over: Tree, path: Path) => Tree;

const merges: Readonly<Record<MergeKind, Merge>> = {
  replace: (_, over) => over,
  pairs: (base, over, path) => mergeForms(base, over, path, pairsOf),
  names: (base, over, path) => mergeForms(base, over, path, (tree) => namesOf(tree, path)),
  sequence: (base, over, path) => append(sequenceOf(base), sequenceOf(over), path),
  build: (base, over, path) => mergeForms(base, over, path, buildOf),
  logging: (base, over, path) => (isSameDriver(base, over) ? mergePlain(base, over, path) : over),
  pools: mergePools,
};

/** `!override` replaces and `!reset` takes away, whatever the rule of the key. */
export function mergeTrees(base: Tree, over: Tree, path: Path = []): Tree {
  if (over.tag === '!override') return over;
  const kind = mergeKind(path);
  // An empty key says nothing.
  const isEmpty = over.kind === 'scalar' && over.value === null && over.tag === undefined;
  if (isEmpty && kind !== 'replace' && !isNullable(path)) return base;
  return (kind === undefined ? mergePlain : merges[kind])(base, over, path);
}

function mergePlain(base: Tree, over: Tree, path: Path): Tree {
  if (base.kind === 'map' && over.kind === 'map') return mergeMaps(base, over, path);
  return base.kind === 'list' && over.kind === 'list' ? append(base, over, path) : over;
}

/** Without the entries that are to go (`!reset`), once all files are merged. */
export function withoutResets(tree: Tree): Tree {
  if (tree.kind === 'list')
    return { ...tree, items: tree.items.filter((item) => item.tag !== '!reset').map(withoutResets) };
  if (tree.kind === 'scalar') return tree;
  const kept = [...tree.entries].filter(([, { value }]) => value.tag !== '!reset');
  const entries = kept.map(([key, entry]) => [key, { ...entry, value: withoutResets(entry.value) }] as const);
  return { ...tree, entries: new Map(entries) };
}

function mergeMaps(base: MapTree, over: MapTree, path: Path): MapTree {
  const entries = new Map<string, Entry>(base.entries);
  for (const [key, entry] of over.entries) {
    const before = entries.get(key);
    if (entry.value.tag === '!reset') entries.delete(key);
    else if (before === undefined) entries.set(key, entry);
    else
      entries.set(key, { keyAt: entry.keyAt, value: mergeTrees(before.value, entry.value, [...path, key]) });
  }
  return { ...over, entries };
}

/** Inside pairs and names an empty value is a value: a variable of the caller, a network without settings. */
function isNullable(path: Path): boolean {
  return mergeKind(path.slice(0, -1)) === 'pairs';
}

/** The same text names another file in another folder. */
const withPaths = new Set(['env_file', 'label_file', 'watch']);

function append(base: ListTree, over: ListTree, path: Path): ListTree {
  const key = withPaths.has(path.at(-1) ?? '') ? identityInFolder : identity;
  const seen = new Set(base.items.map(key));
  return { ...over, items: [...base.items, ...over.items.filter((item) => !seen.has(key(item)))] };
}

/** As `identity`, for values with relative paths in them. */
export function identityInFolder(tree: Tree): string {
  return `${tree.at.source.folder} ${identity(tree)}`;
}

/** Equal for equal values. */
export function identity(tree: Tree): string {
  if (tree.kind === 'scalar') return JSON.stringify(tree.value);
  if (tree.kind === 'list') return `[${tree.items.map(identity).join(',')}]`;
  const entries = [...tree.entries].map(([key, { value }]) => `${JSON.stringify(key)}:${identity(value)}`);
  return `{${entries.sort().join(',')}}`;
}

function mergeForms(base: Tree, over: Tree, path: Path, form: (tree: Tree) => MapTree | undefined): Tree {
  const [left, right] = [form(base), form(over)];
  return left === undefined || right === undefined ? over : mergeMaps(left, right, path);
}

function scalar(at: Tree['at'], value: string | boolean | null): ScalarTree {
  return { kind: 'scalar', at, value, source: value === null ? '' : String(value) };
}

/** A list of NAME=VALUE as a mapping. */
function pairsOf(tree: Tree): MapTree | undefined {
  if (tree.kind !== 'list') return tree.kind === 'map' ? tree : undefined;
  const entries = new Map<string, Entry>();
  for (const item of tree.items) {
    if (item.kind !== 'scalar') return undefined;
    const text = String(item.value);
    const split = text.indexOf('=');
    const value = split < 0 ? null : text.slice(split + 1);
    entries.set(split < 0 ? text : text.slice(0, split), { keyAt: item.at, value: scalar(item.at, value) });
  }
  return { kind: 'map', at: tree.at, entries };
}

/** A list of names as a mapping of names to their default settings. */
function namesOf(tree: Tree, path: Path): MapTree | undefined {
  if (tree.kind === 'map') return tree;
  if (tree.kind === 'scalar' && tree.value === null) return { kind: 'map', at: tree.at, entries: new Map() };
  if (tree.kind !== 'list') return undefined;
  const isDependency = path.at(-1) === 'depends_on';
  const entries = tree.items.map((item): [string, Entry] => {
    const condition = { keyAt: item.at, value: scalar(item.at, 'service_started') };
    const required = { keyAt: item.at, value: scalar(item.at, true) };
    const entries = new Map([
      ['condition', condition],
      ['required', required],
    ]);
    const dependency: MapTree = { kind: 'map', at: item.at, entries };
    const name = item.kind === 'scalar' ? String(item.value) : '';
    return [name, { keyAt: item.at, value: isDependency ? dependency : scalar(item.at, null) }];
  });
  return { kind: 'map', at: tree.at, entries: new Map(entries) };
}

/** A mapping NAME: VALUE or NAME: [VALUE, ...] as lines NAME=VALUE, one text as a list of it. */
function sequenceOf(tree: Tree): ListTree {
  if (tree.kind === 'list') return tree;
  if (tree.kind === 'scalar') return { kind: 'list', at: tree.at, items: tree.value === null ? [] : [tree] };
  const items = [...tree.entries].flatMap(([key, { value }]) => {
    const values = value.kind === 'list' ? value.items : [value];
    return values.map((one) => {
      const text = one.kind === 'scalar' && one.value !== null ? `${key}=${one.value}` : key;
      return scalar(one.at, text);
    });
  });
  return { kind: 'list', at: tree.at, items };
}

/** `build: FOLDER` as `build: { context: FOLDER }`. */
function buildOf(tree: Tree): MapTree | undefined {
  if (tree.kind === 'map') return tree;
  if (tree.kind !== 'scalar') return undefined;
  return { kind: 'map', at: tree.at, entries: new Map([['context', { keyAt: tree.at, value: tree }]]) };
}

function isSameDriver(base: Tree, over: Tree): boolean {
  const [left, right] = [textAt(base, 'driver'), textAt(over, 'driver')];
  return left === undefined || right === undefined || left === right;
}

/** Address pools are the same when their subnet is. */
function mergePools(base: Tree, over: Tree, path: Path): Tree {
  if (base.kind !== 'list' || over.kind !== 'list') return over;
  const items = [...base.items];
  for (const pool of over.items) {
    const at = items.findIndex((one) => textAt(one, 'subnet') === textAt(pool, 'subnet'));
    const before = items[at];
    if (before?.kind === 'map' && pool.kind === 'map') items[at] = mergeMaps(before, pool, [...path, '[]']);
    else items.push(pool);
  }
  return { ...over, items };
}

export function textAt(tree: Tree, key: string): string | undefined {
  const value = tree.kind === 'map' ? tree.entries.get(key)?.value : undefined;
  return value?.kind === 'scalar' && value.value !== null ? String(value.value) : undefined;
}
