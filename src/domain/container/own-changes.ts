import { cleanPath } from '#domain/container/paths.ts';

/** One path that differs from the image, as the port Snapshotter tells it. */
interface Change {
  path: string;
  kind: 'modified' | 'added' | 'deleted';
}

/** What a start puts there to mount upon, and for programs to find; with Docker a layer below hides it. */
const mountPoints = new Set([
  '/.dockerenv',
  '/dev',
  '/dev/console',
  '/dev/pts',
  '/dev/shm',
  '/etc',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/mtab',
  '/etc/resolv.conf',
  '/proc',
  '/sys',
]);

/** The changes that the container itself made, as `docker diff` shows them. */
export function ownChanges(changes: Change[]): Change[] {
  const dropped = changes.filter(({ path, kind }) => kind === 'added' && mountPoints.has(path));
  const kept = changes.filter((change) => !dropped.includes(change));
  const touched = new Set(dropped.map(({ path }) => parentOf(path)));
  return kept.filter(({ path, kind }) => {
    const onlyTouched = kind === 'modified' && touched.has(path);
    return !onlyTouched || kept.some((other) => parentOf(other.path) === path);
  });
}

/** Paths of the changes that are not the container's own: `docker commit` leaves them out. */
export function othersChanges(changes: Change[]): string[] {
  const own = ownChanges(changes).map(({ path }) => path);
  // A folder that was made to mount in, and that the container then used, is needed for what it holds.
  const isNeeded = (path: string): boolean => own.some((one) => one === path || one.startsWith(`${path}/`));
  return changes.map(({ path }) => path).filter((path) => !isNeeded(path));
}

function parentOf(path: string): string {
  return cleanPath(`${path}/..`);
}
