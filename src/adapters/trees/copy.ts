import { lutimesSync, readlinkSync, type Stats } from 'node:fs';
import { applyModeChange } from '#domain/build/mode.ts';
import type { CopyRules } from '#ports/file-trees.ts';
import type { DeviceNode } from '#ports/packed-files.ts';
import { Breather } from '#adapters/files/breather.ts';
import { raw } from '#adapters/files/byte-path.ts';
import { linkFiles, type Extraction } from './extract.ts';
import { FirstNames } from './first-names.ts';
import type { TargetFolders } from './target-folders.ts';
import { walk, type Walked } from './walk.ts';

/**
 * The folders are made first, then `extract` writes the files, in any order.
 * `source` is resolved; `prefix` is the source's path below its root, for the filter.
 */
export async function copyTree(
  source: string,
  prefix: string,
  target: TargetFolders,
  rules: CopyRules,
  extract: (items: Extraction[]) => Promise<void>,
): Promise<void> {
  const breather = new Breather(rules.signal);
  const items: Extraction[] = [];
  const made = new Map<string, Walked>();
  const names = new FirstNames(target);
  for (const found of walk(source, prefix, rules)) {
    if (breather.isDue) await breather.breathe();
    const { stats, relative, taken } = found;
    if (!taken || stats.isSocket()) continue;
    if (stats.isDirectory()) {
      if (relative === '') target.open('');
      else made.set(target.put(relative, rules.owner ?? stats, modeOf(stats, rules)), found);
      continue;
    }
    const to = target.pathOf(relative);
    const file = stats.nlink < 2 || stats.isSymbolicLink() ? undefined : `${stats.dev}:${stats.ino}`;
    if (!names.link(file, to)) items.push(extraction(found, to, rules));
  }
  await extract(items);
  linkFiles(names.links);
  // Writing into a folder changes its time, so these come last.
  for (const [path, { stats }] of made) lutimesSync(raw(path), stats.atime, stats.mtime);
}

function extraction({ absolute, stats }: Walked, to: string, rules: CopyRules): Extraction {
  const { uid, gid, mtimeMs, size } = stats;
  const about = {
    ...{ to, owner: rules.owner ?? { uid, gid }, mode: modeOf(stats, rules), mtime: mtimeMs / 1000 },
    ...{ offset: 0, size: 0, linkName: '' },
  };
  if (stats.isSymbolicLink())
    return { ...about, kind: 'symlink', linkName: readlinkSync(raw(absolute), 'latin1') };
  if (!stats.isFile())
    return { ...about, kind: 'device', node: { type: nodeTypeOf(stats), number: stats.rdev } };
  return { ...about, kind: 'file', from: absolute, size };
}

function nodeTypeOf(stats: Stats): DeviceNode['type'] {
  if (stats.isFIFO()) return 'fifo';
  return stats.isCharacterDevice() ? 'character' : 'block';
}

function modeOf(stats: Stats, { mode }: CopyRules): number {
  const before = stats.mode & 0o7777;
  return mode === undefined ? before : applyModeChange(mode, before, stats.isDirectory());
}
