import { type Stats, lstatSync, readdirSync } from 'node:fs';
import { getXattr } from '#adapters/linux/libc.ts';
import { raw, text } from '#adapters/files/byte-path.ts';
import { LinkedMembers } from '#adapters/files/member.ts';
import { OPAQUE, whiteoutDevice } from '#adapters/overlay/whiteout.ts';
import { systemCode } from '#base/errors.ts';

// The upper directory of an overlay, read as what it changes. Synchronous: for workers. Paths are byte
// strings.

/** Names in a folder, sorted by their bytes. */
export function namesIn(folder: string): string[] {
  return readdirSync(raw(folder), 'buffer')
    .map((name) => name.toString('latin1'))
    .sort();
}

export function isWhiteout(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === whiteoutDevice;
}

/** `folder` hides what the lower layers have at its place. */
export function isOpaque(folder: string): boolean {
  return getXattr(text(folder), OPAQUE)?.toString() === 'y';
}

/** Everything below `root`, a folder before what it holds, siblings sorted by name; what is `without` is left out, with all below. */
export function* walk(
  root: string,
  below = '',
  without: ReadonlySet<string> = new Set(),
): Generator<{ relative: string; path: string; stat: Stats }> {
  for (const name of namesIn(below === '' ? root : `${root}/${below}`)) {
    const relative = below === '' ? name : `${below}/${name}`;
    if (without.has(`/${relative}`)) continue;
    const path = `${root}/${relative}`;
    const stat = lstatSync(raw(path));
    yield { relative, path, stat };
    if (stat.isDirectory()) yield* walk(root, relative, without);
  }
}

/**
 * Bytes of all files below `root`, a file with several names counted once. Containers go on meanwhile: what is gone by
 * the time it is looked at counts for nothing.
 */
export function bytesBelow(root: string): number {
  const links = new LinkedMembers();
  const bytesOf = (relative: string): number => {
    const path = `${root}/${relative}`;
    const stat = lstatSync(raw(path), { throwIfNoEntry: false });
    if (stat?.isDirectory() === true) return bytesIn(path, `${relative}/`);
    return stat?.isFile() === true && links.firstOf(stat, relative) === undefined ? stat.size : 0;
  };
  const bytesIn = (folder: string, prefix: string): number =>
    presentIn(folder).reduce((sum, name) => sum + bytesOf(`${prefix}${name}`), 0);
  return bytesIn(root, '');
}

function presentIn(folder: string): string[] {
  try {
    return namesIn(folder);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
