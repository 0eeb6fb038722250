import {
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  lutimesSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  type Stats,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { mknod, setXattr } from '#adapters/linux/libc.ts';
import { invalid } from '#base/errors.ts';
import { applyModeChange } from '#domain/build/mode.ts';
import type { CopyRules, Owner } from '#ports/file-trees.ts';
import { Breather } from '#adapters/files/breather.ts';
import { lstatOrUndefined, raw, text } from '#adapters/files/byte-path.ts';
import { carriedXattrs } from '#adapters/files/member.ts';
import type { TargetFolders } from './target-folders.ts';
import { walk, type Walked } from './walk.ts';

/** Larger files are copied in the thread pool. */
const smallFile = 1024 * 1024;
const root: Owner = { uid: 0, gid: 0 };

/** `source` is resolved; `prefix` is the source's path below its root, for the filter. */
export async function copyTree(
  source: string,
  prefix: string,
  target: TargetFolders,
  rules: CopyRules,
): Promise<void> {
  const breather = new Breather(rules.signal);
  const made = new Map<string, Walked>();
  const links = new HardLinks(target);
  for (const found of walk(source, prefix, rules)) {
    await breather.breathe();
    if (!found.taken) continue;
    if (found.stats.isDirectory()) {
      if (found.relative === '') target.open('');
      else made.set(folder(found, target, rules), found);
      continue;
    }
    const to = target.pathOf(found.relative);
    if (!links.link(found, to)) await file(found, to, rules);
  }
  // Writing into a folder changes its time, so these come last.
  for (const [path, { stats }] of made) lutimesSync(raw(path), stats.atime, stats.mtime);
}

/** What has several names in the source has them in the copy. */
class HardLinks {
  readonly #target: Pick<TargetFolders, 'seen'>;
  readonly #names = new Map<string, string>();

  constructor(target: Pick<TargetFolders, 'seen'>) {
    this.#target = target;
  }

  /** Whether `to` could be made a name of what was copied before. */
  link({ stats }: Walked, to: string): boolean {
    if (stats.nlink < 2 || stats.isSymbolicLink() || stats.isSocket()) return false;
    const file = `${stats.dev}:${stats.ino}`;
    const first = this.#names.get(file);
    this.#names.set(file, first ?? to);
    if (first === undefined) return false;
    const there = lstatOrUndefined(to);
    if (there?.isDirectory() === true) throw ontoFolder(to);
    if (there !== undefined) rmSync(raw(to));
    // By the same mount.
    linkSync(raw(this.#target.seen(first)), raw(this.#target.seen(to)));
    return true;
  }
}

function folder(found: Walked, target: TargetFolders, rules: CopyRules): string {
  const to = target.open(found.relative, root);
  settle(found, to, rules);
  return to;
}

async function file(found: Walked, to: string, rules: CopyRules): Promise<void> {
  const { absolute, stats } = found;
  if (stats.isSocket()) return;
  const there = lstatOrUndefined(to);
  if (there?.isDirectory() === true) throw ontoFolder(to);
  if (there !== undefined) rmSync(raw(to));
  if (stats.isSymbolicLink()) symlinkSync(readlinkSync(raw(absolute), 'buffer'), raw(to));
  else if (!stats.isFile()) mknod(text(to), stats.mode, stats.rdev);
  else if (stats.size <= smallFile) copyFileSync(raw(absolute), raw(to), constants.COPYFILE_FICLONE);
  else await copyFile(raw(absolute), raw(to), constants.COPYFILE_FICLONE);
  settle(found, to, rules);
  lutimesSync(raw(to), stats.atime, stats.mtime);
}

// Owner before mode and capabilities, because a change of owner drops those.
function settle({ absolute, stats }: Walked, to: string, rules: CopyRules): void {
  const { uid, gid } = rules.owner ?? stats;
  lchownSync(raw(to), uid, gid);
  if (stats.isSymbolicLink()) return;
  chmodSync(raw(to), modeOf(stats, rules));
  if (!stats.isFile()) return;
  for (const [name, value] of carriedXattrs(text(absolute))) setXattr(text(to), text(name), value);
}

function modeOf(stats: Stats, { mode }: CopyRules): number {
  const before = stats.mode & 0o7777;
  return mode === undefined ? before : applyModeChange(mode, before, stats.isDirectory());
}

export function ontoFolder(target: string): Error {
  return invalid('copy-onto-folder', `cannot overwrite directory with non-directory: ${text(target)}`);
}
