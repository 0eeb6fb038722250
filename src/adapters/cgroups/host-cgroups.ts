import { existsSync, readFileSync, writeFile } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '#base/errors.ts';
import type { Cgroups, CgroupUsage } from '#ports/cgroups.ts';
import { readGroupFile, readTable } from './files.ts';
import { findHierarchy, type Hierarchy, mainTree, subgroups } from './hierarchy.ts';
import { unlessGone, watchOomV1, watchOomV2 } from './oom-watch.ts';
import { ownGroup } from './own-group.ts';
import { oomKillsV1, usageV1 } from './usage-v1.ts';
import { oomKillsV2, usageV2 } from './usage-v2.ts';

/** The control groups of this host. */
export class HostCgroups implements Cgroups {
  readonly #hierarchy: Hierarchy;
  /** A move is under way for those that are expected: more at once would only hold threads of the pool. */
  #moving = false;

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

  oomKills(path: string): number {
    return this.version === 2 ? oomKillsV2(this.#main(path)) : oomKillsV1(this.#folder('memory', path));
  }

  watchOom(path: string, onOom: () => void): () => void {
    return unlessGone(() => {
      if (this.version === 2) return watchOomV2(this.#main(path), onOom);
      const folder = this.#folder('memory', path);
      return folder === undefined ? () => undefined : watchOomV1(folder, onOom);
    });
  }

  // A move of this process to where it is changes nothing, but takes the lock that all moves take: its first taker waits for
  // all processors (an RCU grace period), who comes soon after does not.
  expectMove(): void {
    if (this.#moving) return;
    const own = ownGroup(this.#hierarchy, readFileSync('/proc/self/cgroup', 'utf8'));
    this.#moving = true;
    // Without it a start only takes longer.
    writeFile(join(own, 'cgroup.procs'), String(process.pid), () => {
      this.#moving = false;
    });
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

  // In the thread pool: the kernel removes one group at a time on the whole host, and everybody waits for that.
  async remove(path: string): Promise<void> {
    await Promise.all(this.#trees(path).map(removeTree));
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

  /** The folder that knows the processes. */
  #main(path: string): string {
    return join(mainTree(this.#hierarchy), path);
  }
}

/** A group is removed by rmdir, its subgroups first; a process in it makes that EBUSY. */
async function removeTree(folder: string): Promise<void> {
  if (await removeEmpty(folder)) return;
  for (const name of subgroups(folder)) await removeTree(join(folder, name));
  await rmdir(folder);
}

/** False for a group with processes or subgroups. */
async function removeEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EBUSY' || code === 'ENOTEMPTY') return false;
    if (code === 'ENOENT') return true;
    throw error;
  }
}
