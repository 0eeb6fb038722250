import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the host has its control groups. */
export interface Hierarchy {
  /** Version 2 only when one unified tree has everything; a hybrid host counts as 1. */
  version: 1 | 2;
  /** Mount point by controller (`cpu`, `memory` ...). On version 2 all are the same folder. */
  controllers: Map<string, string>;
  /** Every mount point in which a container's group appears, also those without a controller (systemd, unified). */
  trees: string[];
}

/**
 * Reads the mounted hierarchies.
 * @param mounts text of /proc/self/mounts
 */
export function findHierarchy(mounts: string): Hierarchy {
  const entries = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .flatMap(([, path = '', type = '', options = '']) =>
      type === 'cgroup' || type === 'cgroup2' ? [{ path, type, options: options.split(',') }] : [],
    );
  const legacy = entries.filter(({ type }) => type === 'cgroup');
  const unified = entries.find(({ type }) => type === 'cgroup2');
  if (legacy.length === 0 && unified !== undefined) return unifiedHierarchy(unified.path);
  const controllers = new Map(
    legacy.flatMap(({ path, options }) => options.filter(isController).map((name) => [name, path])),
  );
  const trees = [...new Set(entries.map(({ path }) => path))];
  return { version: 1, controllers, trees };
}

const knownControllers = new Set(
  'cpu cpuacct cpuset memory devices freezer blkio pids hugetlb net_cls net_prio perf_event rdma misc'.split(
    ' ',
  ),
);

function isController(option: string): boolean {
  return knownControllers.has(option);
}

function unifiedHierarchy(path: string): Hierarchy {
  const listed = join(path, 'cgroup.controllers');
  const names = existsSync(listed) ? readFileSync(listed, 'utf8').trim().split(/\s+/) : [];
  return { version: 2, controllers: new Map(names.map((name) => [name, path])), trees: [path] };
}

/** The tree that knows the processes: of the freezer on v1, because its membership cannot be left. */
export function mainTree({ controllers, trees }: Hierarchy): string {
  return controllers.get('freezer') ?? trees[0] ?? '/sys/fs/cgroup';
}

/** Folders directly below a group; none when it is gone. */
export function subgroups(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}
