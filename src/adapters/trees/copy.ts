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
import { getXattr, mknod, setXattr } from '#adapters/linux/libc.ts';
import { invalid } from '#base/errors.ts';
import { applyModeChange } from '#domain/build/mode.ts';
import type { CopyRules, Owner } from '#ports/file-trees.ts';
import { Breather } from '#adapters/files/breather.ts';
import { lstatOrUndefined, raw, text } from '#adapters/files/byte-path.ts';
import { makeFolderAt, type NewFolder } from '#adapters/files/private-root.ts';
import { walk, type Walked } from './walk.ts';

/** Larger files are copied in the thread pool. */
const smallFile = 1024 * 1024;
const capability = 'security.capability';
const root: Owner = { uid: 0, gid: 0 };

/** `source` and `target` are resolved; `prefix` is the source's path below its root, for the filter. */
export async function copyTree(
  source: string,
  prefix: string,
  target: string,
  rules: CopyRules,
): Promise<void> {
  const breather = new Breather(rules.signal);
  const made = new Map<string, Walked>();
  const links = new HardLinks();
  for (const found of walk(source, prefix, rules)) {
    await breather.breathe();
    if (!found.taken) continue;
    if (found.relative === '' && found.stats.isDirectory()) {
      openFolder(target, newFolder(rules));
      continue;
    }
    const to = found.relative === '' ? target : `${target}/${found.relative}`;
    if (found.relative !== '') makeParents(target, found.relative, newFolder(rules));
    if (found.stats.isDirectory()) made.set(to, folder(found, to, rules));
    else if (!links.link(found, to)) await file(found, to, rules);
  }
  // Writing into a folder changes its time, so these come last.
  for (const [path, { stats }] of made) lutimesSync(raw(path), stats.atime, stats.mtime);
}

/** What has several names in the source has them in the copy. */
class HardLinks {
  readonly #names = new Map<string, string>();

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
    linkSync(raw(first), raw(to));
    return true;
  }
}

/** How the target's folders are made that the source has not. */
export function newFolder({
  owner = root,
  folderMode: mode,
}: Pick<CopyRules, 'owner' | 'folderMode'>): NewFolder {
  return mode === undefined ? owner : { ...owner, mode };
}

// A kept file may lie below a folder that the filter leaves out.
export function makeParents(target: string, relative: string, folder: NewFolder): void {
  const parts = relative.split('/').slice(0, -1);
  let at = target;
  for (const part of parts) {
    at = `${at}/${part}`;
    if (lstatOrUndefined(at) === undefined) makeFolderAt(at, folder);
  }
}

export function openFolder(target: string, folder: NewFolder): void {
  const there = lstatOrUndefined(target);
  if (there === undefined) makeFolderAt(target, folder);
  else if (!there.isDirectory()) throw ontoFile(target);
}

function folder(found: Walked, to: string, rules: CopyRules): Walked {
  openFolder(to, root);
  settle(found, to, rules);
  return found;
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
  const value = getXattr(text(absolute), capability);
  if (value !== undefined) setXattr(text(to), capability, value);
}

function modeOf(stats: Stats, { mode }: CopyRules): number {
  const before = stats.mode & 0o7777;
  return mode === undefined ? before : applyModeChange(mode, before, stats.isDirectory());
}

function ontoFile(target: string): Error {
  return invalid('copy-onto-file', `cannot copy to non-directory: ${text(target)}`);
}

export function ontoFolder(target: string): Error {
  return invalid('copy-onto-folder', `cannot overwrite directory with non-directory: ${text(target)}`);
}
