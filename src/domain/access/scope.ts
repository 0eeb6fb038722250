import { invalid } from '#base/errors.ts';
import { nearest } from '#base/nearest.ts';

/** What a scoped socket can allow, with what it opens. */
export const scopes = {
  'system:read': 'information about the engine and its use of the disk',
  'events:read': 'the stream of events',
  'containers:read': 'list, inspect (values of environment variables hidden), top, stats, changes, wait',
  'containers:env': 'values of environment variables in inspect and top',
  'containers:logs': 'logs',
  'containers:control': 'start, stop, restart, kill, pause, rename, update, resize',
  'containers:exec': 'attach, and processes in containers: root in each of them',
  'containers:files': 'read and write files of containers, export',
  'containers:create': 'create, commit, remove and prune: root on this machine, by a mount',
  'images:read': 'list, inspect, history, save, search',
  'images:write': 'pull, push, tag, load, build, remove, prune: root on this machine, by a build',
  'networks:read': 'list and inspect',
  'networks:write': 'create, connect, disconnect, remove, prune',
  'volumes:read': 'list and inspect',
  'volumes:write': 'create, remove and prune: root on this machine, by a bind option',
  'apps:read': 'list apps and read their logs',
  'secrets:read': 'names and versions of secrets, never their values',
  'secrets:write': 'set and remove secrets',
  'apps:write': 'bring apps up and down: root on this machine',
} as const;

export type Scope = keyof typeof scopes;

export const scopeNames: readonly Scope[] = Object.keys(scopes).filter(isScope);

/** A socket that allows what it lists, and nothing else. */
export interface ScopedSocket {
  /** Absolute. */
  path: string;
  allow: Scope[];
  /** With labels, only containers that carry all of them exist for the socket. */
  labels: Record<string, string>;
  /** RFC 3339. */
  created: string;
}

/** Scopes whose objects a label can tell apart. */
const byLabel: readonly Scope[] = [
  'containers:read',
  'containers:env',
  'containers:logs',
  'containers:control',
  'containers:exec',
  'containers:files',
  'events:read',
];

/** Longest path of a unix socket, in bytes (unix(7): 108 with the closing zero). */
const longestPath = 107;

export type NewSocket = Pick<ScopedSocket, 'path' | 'labels'> & { allow: string[] };

/** @throws invalid `socket-path`, `scope-unknown`, `scope-not-by-label` */
export function checkSocket(wanted: NewSocket): Omit<ScopedSocket, 'created'> {
  const { path, labels } = wanted;
  if (!path.startsWith('/') || path.endsWith('/') || bytesOf(path) > longestPath)
    throw invalid(
      'socket-path',
      `create socket '${path}': required is an absolute path of at most ${longestPath} bytes`,
    );
  if (wanted.allow.length === 0)
    throw invalid('scope-unknown', `create socket '${path}': it would allow nothing`, { hint: allScopes() });
  const allow = [...new Set(wanted.allow.map(scopeOf))];
  const strange = allow.find((scope) => !byLabel.includes(scope));
  if (Object.keys(labels).length > 0 && strange !== undefined)
    throw invalid(
      'scope-not-by-label',
      `create socket '${path}': '${strange}' cannot be narrowed by a label`,
      { hint: `with labels only: ${byLabel.join(', ')}` },
    );
  return { path, allow, labels };
}

function scopeOf(name: string): Scope {
  if (isScope(name)) return name;
  const meant = nearest(name, new Set(Object.keys(scopes)));
  const question = meant === undefined ? '' : `, did you mean '${meant}'?`;
  throw invalid('scope-unknown', `unknown scope '${name}'${question}`, { hint: allScopes() });
}

function isScope(name: string): name is Scope {
  return Object.hasOwn(scopes, name);
}

function allScopes(): string {
  return `scopes are ${Object.keys(scopes).join(', ')}`;
}

/** In UTF-8. */
function bytesOf(text: string): number {
  return encodeURIComponent(text).replaceAll(/%../g, '-').length;
}
