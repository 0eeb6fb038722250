import { existsSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '#base/errors.ts';
import type { Cgroups, CgroupUsage } from '#ports/cgroups.ts';
import { readGroupFile, readTable } from './files.ts';
import { findHierarchy, type Hierarchy, subgroups } from './hierarchy.ts';
import { usageV1 } from './usage-v1.ts';
import { usageV2 } from './usage-v2.ts';

/** The control groups of this host. */
export class HostCgroups implements Cgroups {
  readonly #hierarchy: Hierarchy;

  /** @param mounts text of /proc/self/mounts */
  constructor(mounts: string = readFileSync('/proc/self/mounts', 'utf8')) {
    this.#hierarchy = findHierarchy(mounts);
  }

  get version(): 1 | 2 {
    return this.#hierarchy.version;
  }

  get controllers(): string[] {
    return [...this.#hierarchy.controllers.keys()];
  }

  usage(path: string): Promise<CgroupUsage | undefined> {
    if (!this.#trees(path).some(existsSync)) return Promise.resolve(undefined);
    const usage =
      this.version === 2 ? usageV2(this.#main(path)) : usageV1((name) => this.#folder(name, path));
    return Promise.resolve(usage);
  }

  processes(path: string): Promise<number[]> {
    const text = readGroupFile(this.#main(path), 'cgroup.procs') ?? '';
    const nested = subgroups(this.#main(path)).map((name) => this.processes(join(path, name)));
    const own = text
      .split('\n')
      .filter((line) => line !== '')
      .map(Number);
    return Promise.all(nested).then((below) => [...own, ...below.flat()]);
  }

  isFrozen(path: string): Promise<boolean> {
    const frozen =
      this.version === 2
        ? readTable(this.#main(path), 'cgroup.events').frozen === 1
        : readGroupFile(this.#folder('freezer', path), 'freezer.state')?.startsWith('F') === true;
    return Promise.resolve(frozen);
  }

  remove(path: string): Promise<void> {
    for (const folder of this.#trees(path)) removeTree(folder);
    return Promise.resolve();
  }

  list(parent: string): Promise<string[]> {
    const names = new Set(this.#trees(parent).flatMap(subgroups));
    return Promise.resolve([...names].map((name) => join(parent, name)));
  }

  #trees(path: string): string[] {
    return this.#hierarchy.trees.map((tree) => join(tree, path));
  }

  #folder(controller: string, path: string): string | undefined {
    const tree = this.#hierarchy.controllers.get(controller);
    return tree === undefined ? undefined : join(tree, path);
  }

  /** The folder that knows the processes: of the freezer on v1, because its membership cannot be left. */
  #main(path: string): string {
    const tree = this.#hierarchy.controllers.get('freezer') ?? this.#hierarchy.trees[0] ?? '/sys/fs/cgroup';
    return join(tree, path);
  }
}

/** A group is removed by rmdir, its subgroups first; a process in it makes that EBUSY. */
function removeTree(folder: string): void {
  for (const name of subgroups(folder)) removeTree(join(folder, name));
  try {
    rmdirSync(folder);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}
