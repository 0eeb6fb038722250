import { lstatOrUndefined, raw } from '#adapters/files/byte-path.ts';
import { isOpaque, isWhiteout, namesIn } from '#adapters/overlay/upper-tree.ts';
import type { Change } from '#ports/snapshotter.ts';

/**
 * What an upper directory changes against `lower`, the mounted parent, sorted by path. Folders above a
 * change were changed too, as `docker diff` shows it. Synchronous: for workers.
 */
export function upperChanges(upper: string, lower: string): Change[] {
  const changes: Change[] = [];
  visit(upper, lower, '', changes);
  return changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** `lower` is '' where the parent has no folder, so that nothing is looked up through a symbolic link of the image. */
function visit(upper: string, lower: string, at: string, changes: Change[]): void {
  const names = namesIn(upper);
  for (const name of names) {
    const path = `${at}/${name}`;
    const stat = lstatOrUndefined(`${upper}/${name}`);
    if (stat === undefined) continue;
    const before = lower === '' ? undefined : lstatOrUndefined(`${lower}/${name}`);
    const show = (kind: Change['kind']): number => changes.push({ path: raw(path).toString('utf8'), kind });
    if (isWhiteout(stat)) {
      if (before !== undefined) show('deleted');
      continue;
    }
    show(before === undefined ? 'added' : 'modified');
    if (!stat.isDirectory()) continue;
    const below = before?.isDirectory() === true ? `${lower}/${name}` : '';
    if (below !== '' && isOpaque(`${upper}/${name}`)) hideBelow(`${upper}/${name}`, below, path, changes);
    visit(`${upper}/${name}`, below, path, changes);
  }
}

/** An opaque folder deletes what it does not have itself. */
function hideBelow(upper: string, lower: string, at: string, changes: Change[]): void {
  const kept = new Set(namesIn(upper));
  for (const name of namesIn(lower))
    if (!kept.has(name)) changes.push({ path: raw(`${at}/${name}`).toString('utf8'), kind: 'deleted' });
}
