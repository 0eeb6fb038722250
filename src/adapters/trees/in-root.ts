import { lstatSync, mkdirSync, lchownSync, readlinkSync, type Stats } from 'node:fs';
import { invalid, systemCode } from '#base/errors.ts';
import type { Owner, Place } from '#ports/file-trees.ts';

// Paths are byte strings here (one character for each byte), because names on disk need not be UTF-8.

/** As many symbolic links as the kernel follows at the most (path_resolution(7)). */
const maxLinks = 40;

/** The bytes of a byte string, as the file system takes paths. */
export function raw(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

/** The byte string of a text. */
export function bytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** The text that a byte string holds. */
export function text(path: string): string {
  return raw(path).toString('utf8');
}

export function lstatOrUndefined(path: string): Stats | undefined {
  try {
    return lstatSync(raw(path));
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

export interface Resolving {
  /** Follow a symbolic link at the end too. */
  followLast: boolean;
  /** Make what is missing of the folders above the last component, for this owner. */
  make?: Owner;
}

/**
 * Absolute path on this machine of a path inside a root, every symbolic link followed as if the root were
 * `/`. What is missing is joined as it is written.
 * @throws invalid `path-links-loop`
 */
export function resolveInRoot(root: string, path: string, options: Resolving): string {
  const pending = path.split('/').reverse();
  const at: string[] = [];
  let links = 0;
  while (pending.length > 0) {
    const part = pending.pop() ?? '';
    if (part === '' || part === '.') continue;
    if (part === '..') {
      at.pop();
      continue;
    }
    at.push(part);
    const isLast = pending.every((rest) => rest === '' || rest === '.');
    const target = linkAt([root, ...at].join('/'), isLast, options);
    if (target === undefined) continue;
    if (++links > maxLinks) throw loop(path);
    at.pop();
    if (target.startsWith('/')) at.length = 0;
    pending.push(...target.split('/').reverse());
  }
  return [root, ...at].join('/');
}

function linkAt(path: string, isLast: boolean, { followLast, make }: Resolving): string | undefined {
  if (isLast && !followLast) return undefined;
  const found = lstatOrUndefined(path);
  if (found?.isSymbolicLink() === true) return readlinkSync(raw(path), 'buffer').toString('latin1');
  if (make === undefined || isLast) return undefined;
  if (found === undefined) makeFolderAt(path, make);
  else if (!found.isDirectory())
    throw invalid('copy-onto-file', `cannot copy to non-directory: ${text(path)}`);
  return undefined;
}

export function makeFolderAt(path: string, owner: Owner): void {
  mkdirSync(raw(path), 0o755);
  lchownSync(raw(path), owner.uid, owner.gid);
}

function loop(path: string): Error {
  return invalid(
    'path-links-loop',
    `following '${text(path)}': it leads through more than ${maxLinks} symbolic links`,
  );
}

/** Absolute path of a place, links followed to the end. */
export function locate(place: Place): string {
  return resolveInRoot(bytes(place.root), bytes(place.path), { followLast: true });
}
