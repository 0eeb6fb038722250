import { identity, textAt } from './merge.ts';
import type { ListTree, Tree } from './tree.ts';

// Of the entries of a list that are about the same thing the last one holds, at the place of the first (compose
// specification, 13-merge.md, "Unique resources").

type KeyOf = (item: Tree) => string;

const byName: KeyOf = (item) => textOf(item).split('=')[0] ?? '';
const byMount: KeyOf = (item) => textAt(item, 'target') ?? mountTarget(textOf(item));
const byFile =
  (folder: string): KeyOf =>
  (item) => {
    const target = textAt(item, 'target') ?? textAt(item, 'source') ?? textOf(item);
    return target.startsWith('/') ? target : `${folder}/${target}`;
  };

const keys: Readonly<Record<string, KeyOf | undefined>> = {
  annotations: byName,
  cap_add: byName,
  cap_drop: byName,
  dns: byName,
  dns_opt: byName,
  dns_search: byName,
  environment: byName,
  expose: byName,
  labels: byName,
  links: byName,
  profiles: byName,
  sysctls: byName,
  tmpfs: byName,
  'build.args': byName,
  'build.labels': byName,
  'build.tags': byName,
  'build.additional_contexts': byName,
  'deploy.labels': byName,
  configs: byFile(''),
  secrets: byFile('/run/secrets'),
  devices: byMount,
  volumes: byMount,
  env_file: (item) => `${item.at.source.folder} ${textAt(item, 'path') ?? textOf(item)}`,
  ports: portKey,
};

/** The document with one entry for each target in the lists of its services. */
export function withUniqueEntries(tree: Tree, path: readonly string[] = []): Tree {
  if (tree.kind === 'scalar') return tree;
  if (tree.kind === 'list') {
    const key = path[0] === 'services' ? own(path.slice(2).join('.')) : undefined;
    return key === undefined ? tree : uniqueList(tree, key);
  }
  const entries = [...tree.entries].map(
    ([key, entry]) => [key, { ...entry, value: withUniqueEntries(entry.value, [...path, key]) }] as const,
  );
  return { ...tree, entries: new Map(entries) };
}

function own(key: string): KeyOf | undefined {
  return Object.hasOwn(keys, key) ? keys[key] : undefined;
}

/** What has no key of its own (a value of the wrong kind) stays: the schema complains about it. */
function uniqueList(list: ListTree, keyOf: KeyOf): ListTree {
  const kept = new Map<string, Tree>();
  for (const item of list.items) kept.set(keyOf(item) || identity(item), item);
  return { ...list, items: [...kept.values()] };
}

function textOf(item: Tree): string {
  return item.kind === 'scalar' && item.value !== null ? String(item.value) : '';
}

/** Of SOURCE:TARGET[:MODE]; a target alone is one too. */
function mountTarget(text: string): string {
  const [first = '', second] = text.split(':');
  return second ?? first;
}

const shortPort = /^(?:(.*):)?([0-9-]*):([0-9-]+)(?:\/([a-z]+))?$/;

/** ADDRESS:PUBLISHED:TARGET/PROTOCOL, whichever way it is written. */
function portKey(item: Tree): string {
  if (item.kind === 'list') return '';
  if (item.kind === 'map') {
    const part = (key: string): string => textAt(item, key) ?? '';
    return `${part('host_ip')}:${part('published')}:${part('target')}/${part('protocol') || 'tcp'}`;
  }
  const text = textOf(item);
  const found = shortPort.exec(text);
  if (found === null) return `::${text.includes('/') ? text : `${text}/tcp`}`;
  const [, address = '', published = '', target = '', protocol = 'tcp'] = found;
  return `${address}:${published}:${target}/${protocol}`;
}
