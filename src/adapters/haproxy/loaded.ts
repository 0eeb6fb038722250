import { readFile } from 'node:fs/promises';
import { fingerprint } from '#base/ids.ts';
import type { IngressTable } from '#domain/ingress/table.ts';
import { certificateList, mapTexts } from './maps.ts';
import { certificatePath, type HaproxyPaths } from './paths.ts';

/** What a process has loaded, by path: fingerprints of files, but for lists of certificates the lines. */
export interface Loaded {
  structure: string;
  /** Where it listens. */
  ports: number[];
  maps: Record<string, string>;
  certificates: Record<string, string>;
  lists: Record<string, string[]>;
}

/** Files that HAProxy reads, by path; and what it has loaded when it has read them. */
export interface Files {
  maps: Map<string, string>;
  certificates: Map<string, string>;
  lists: Map<string, string[]>;
  loaded: Loaded;
}

export function filesOf(
  table: IngressTable,
  state: { certificates: ReadonlyMap<string, string>; challenges: ReadonlyMap<string, string> },
  structure: string,
  paths: HaproxyPaths,
): Files {
  const maps = mapTexts(table, paths);
  maps.set(paths.challenges, [...state.challenges].map((pair) => `${pair.join(' ')}\n`).join(''));
  const offered = offeredHosts(table);
  const certificates = new Map(
    [...state.certificates].flatMap(([host, pem]) =>
      offered.has(host) ? [[certificatePath(paths, host), pem] as const] : [],
    ),
  );
  const known = new Set(state.certificates.keys());
  const lists = new Map(
    table.listeners.flatMap((listener) => {
      const { path, lines } = certificateList(listener, known, paths);
      return listener.tls ? [[path, lines] as const] : [];
    }),
  );
  const prints = (files: Map<string, string>): Record<string, string> =>
    Object.fromEntries([...files].map(([path, text]) => [path, fingerprint(text)]));
  return {
    maps,
    certificates,
    lists,
    loaded: {
      structure: fingerprint(structure),
      ports: table.listeners.map(({ port }) => port),
      maps: prints(maps),
      certificates: prints(certificates),
      lists: Object.fromEntries(lists),
    },
  };
}

/** Hosts whose certificates are needed; '' is for clients that name none of them. */
export function offeredHosts({ listeners }: IngressTable): Set<string> {
  return new Set(listeners.flatMap(({ tls, hosts }) => (tls ? ['', ...hosts] : [])));
}

/** Of all files that a process has read, but for its configuration. */
export function pathsOf({ maps, certificates, lists }: Loaded): string[] {
  return [maps, certificates, lists].flatMap((files) => Object.keys(files));
}

/** Undefined when no process was left, or nobody knows what it has loaded: then a reload says so. */
export async function readLoaded(path: string): Promise<Loaded | undefined> {
  const parse: (text: string) => Loaded = JSON.parse;
  try {
    return parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
