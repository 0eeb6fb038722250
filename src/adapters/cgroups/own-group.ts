import { join } from 'node:path';
import { type Hierarchy, mainTree } from './hierarchy.ts';

/**
 * The folder of the group in which this process is, in the main tree.
 * @param membership text of /proc/self/cgroup (cgroups(7)): lines `7:freezer:/group`, `0::/group` for version 2
 */
export function ownGroup(hierarchy: Hierarchy, membership: string): string {
  const tree = mainTree(hierarchy);
  const lines = membership.split('\n').map((line) => /^\d+:([^:]*):(.*)$/.exec(line) ?? []);
  const own = lines.find(([, names = '']) => isOf(hierarchy, tree, names));
  return join(tree, own?.[2] ?? '/');
}

function isOf({ version, controllers }: Hierarchy, tree: string, names: string): boolean {
  return version === 2 ? names === '' : names.split(',').some((name) => controllers.get(name) === tree);
}
