import { formatPath, toPlain, type Entry, type ListTree, type MapTree, type Tree } from './tree.ts';

// How a later compose file changes an earlier one (compose specification, 13-merge.md): mappings merge, lists
// append, plain values and commands are replaced; ports, volumes and secrets replace the one of the same target.

const replaced = /^services\.[^.]+\.(command|entrypoint|healthcheck\.test)$/;
const byTarget = /^services\.[^.]+\.(ports|volumes|secrets|configs|devices)$/;
/** Given as a list or a mapping; merged by key either way. */
const keyed =
  /^services\.[^.]+\.(environment|labels|annotations|sysctls|extra_hosts|build\.args|build\.labels|deploy\.labels)$|^(networks|volumes)\.[^.]+\.labels$/;
const listed = /^services\.[^.]+\.(depends_on|networks)$/;

export function mergeTrees(base: Tree, over: Tree, path: readonly string[] = []): Tree {
  const text = formatPath(path);
  if (over.tag === '!override' || replaced.test(text)) return over;
  if (keyed.test(text) || listed.test(text)) {
    const blank = listed.test(text) ? '' : '=';
    const [left, right] = [asMap(base, blank, text), asMap(over, blank, text)];
    return left !== undefined && right !== undefined ? mergeMaps(left, right, path) : over;
  }
  if (base.kind === 'map' && over.kind === 'map') return mergeMaps(base, over, path);
  if (base.kind === 'list' && over.kind === 'list') return mergeLists(base, over, byTarget.test(text));
  return over;
}

function mergeMaps(base: MapTree, over: MapTree, path: readonly string[]): MapTree {
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

function mergeLists(base: ListTree, over: ListTree, unique: boolean): ListTree {
  const key = unique ? target : same;
  const taken = new Set(over.items.map(key));
  return { ...over, items: [...base.items.filter((item) => !taken.has(key(item))), ...over.items] };
}

function same(item: Tree): string {
  return item.kind === 'scalar' ? String(item.value) : JSON.stringify(toPlain(item));
}

/** What an item of ports, volumes ... is about: the later one about the same replaces the earlier. */
function target(item: Tree): string {
  if (item.kind === 'map') {
    const part = (key: string): string => {
      const value = item.entries.get(key)?.value;
      return value?.kind === 'scalar' ? String(value.value) : '';
    };
    return [part('target') || part('source'), part('published'), part('protocol') || 'tcp'].join('|');
  }
  const text = same(item);
  const parts = text.split(':');
  // SOURCE:TARGET[:MODE] is about its target; a port pair is about all of it.
  return /^[./~]|^[a-zA-Z]/.test(text) && parts.length > 1 ? `${parts[1] ?? ''}||tcp` : text;
}

function asMap(tree: Tree, separator: '' | '=', path: string): MapTree | undefined {
  if (tree.kind === 'map') return tree;
  if (tree.kind !== 'list') return undefined;
  const entries = new Map<string, Entry>();
  for (const item of tree.items) {
    if (item.kind !== 'scalar') return undefined;
    const text = String(item.value);
    const split = separator === '' ? -1 : text.search(path.endsWith('extra_hosts') ? /[=:]/ : /=/);
    const key = split < 0 ? text : text.slice(0, split);
    const value = split < 0 ? null : text.slice(split + 1);
    entries.set(key, { keyAt: item.at, value: listedValue(item.at, value, path) });
  }
  return { kind: 'map', at: tree.at, entries };
}

function listedValue(at: Tree['at'], value: string | null, path: string): Tree {
  if (!path.endsWith('.depends_on')) return { kind: 'scalar', at, value, source: value ?? '' };
  const condition: Tree = { kind: 'scalar', at, value: 'service_started', source: '' };
  return { kind: 'map', at, entries: new Map([['condition', { keyAt: at, value: condition }]]) };
}
