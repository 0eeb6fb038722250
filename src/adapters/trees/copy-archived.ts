import { lutimesSync } from 'node:fs';
import type { CopyRules } from '#ports/file-trees.ts';
import { Breather } from '#adapters/files/breather.ts';
import { raw } from '#adapters/files/byte-path.ts';
import { timeOf } from '#adapters/files/member.ts';
import { applyModeChange } from '#domain/build/mode.ts';
import type { PackedEntry } from '#ports/packed-files.ts';
import type { ArchivedTree } from './archived-tree.ts';
import { linkFiles, type Extraction } from './extract.ts';
import { FirstNames } from './first-names.ts';
import type { TargetFolders } from './target-folders.ts';

/**
 * As `copyTree`, of files that lie in an archive: the folders are made first, then `extract` writes the files, in any order.
 * `path` is inside the tree.
 */
export async function copyArchived(
  tree: ArchivedTree,
  path: string,
  target: TargetFolders,
  rules: CopyRules,
  extract: (items: Extraction[]) => Promise<void>,
): Promise<void> {
  const breather = new Breather(rules.signal);
  const items: Extraction[] = [];
  const folders: { to: string; entry: PackedEntry }[] = [];
  const names = new FirstNames(target);
  for (const { relative, entry } of tree.taken(path, rules)) {
    if (breather.isDue) await breather.breathe();
    if (relative === '' && entry.kind === 'directory') target.open('');
    else if (entry.kind === 'directory') {
      const to = target.put(relative, rules.owner ?? entry, modeOf(entry, rules));
      folders.push({ to, entry });
    } else {
      const to = target.pathOf(relative);
      const file = entry.kind === 'file' ? (entry.sameAs ?? entry.path) : undefined;
      if (!names.link(file, to)) items.push(extraction(entry, entry.kind, to, rules));
    }
  }
  await extract(items);
  linkFiles(names.links);
  // Writing into a folder changes its time, so these come last.
  for (const { to, entry } of folders) lutimesSync(raw(to), timeOf(entry.mtime), timeOf(entry.mtime));
}

function extraction(entry: PackedEntry, kind: Extraction['kind'], to: string, rules: CopyRules): Extraction {
  const { mtime, size, linkName, offset, uid, gid, node, xattrs } = entry;
  const owner = rules.owner ?? { uid, gid };
  return {
    to,
    kind,
    mode: modeOf(entry, rules),
    owner,
    mtime,
    size,
    linkName,
    offset,
    ...(node && { node }),
    ...(xattrs && { xattrs }),
  };
}

function modeOf({ mode, kind }: PackedEntry, rules: CopyRules): number {
  return rules.mode === undefined ? mode : applyModeChange(rules.mode, mode, kind === 'directory');
}
