import { chmodSync, lchownSync, mkdirSync, readlinkSync } from 'node:fs';
import { invalid } from '#base/errors.ts';
import { corrupt } from '#domain/archive/tar-header.ts';
import { lstatOrUndefined, raw, text } from './byte-path.ts';

// Paths inside a root that nobody else changes meanwhile: a layer in the making, a build's tree. Where a
// process of the container may be running, `open-in-root.ts` is the way. Paths are byte strings.

/** As many symbolic links as the kernel follows at the most (path_resolution(7)). */
const maxLinks = 40;

interface Owner {
  uid: number;
  gid: number;
}

/** How a folder is made; absent mode: 755. */
export interface NewFolder extends Owner {
  mode?: number;
}

export interface Resolving {
  /** Follow a symbolic link at the end too. */
  followLast: boolean;
  /** Make what is missing of the folders above the last component. */
  make?: NewFolder;
}

/**
 * Absolute path on this machine of a path inside a root, every symbolic link followed as if the root were
 * `/`. What is missing is joined as it is written.
 * @throws invalid `path-links-loop`, `copy-onto-file`
 */
export function resolveInRoot(root: string, path: string, { followLast, make }: Resolving): string {
  const linkAt = (relative: string, isLast: boolean): string | undefined => {
    if (isLast && !followLast) return undefined;
    const at = `${root}/${relative}`;
    const found = lstatOrUndefined(at);
    if (found?.isSymbolicLink() === true) return targetOf(at);
    if (make === undefined || isLast) return undefined;
    if (found === undefined) makeFolderAt(at, make);
    else if (!found.isDirectory())
      throw invalid('copy-onto-file', `cannot copy to non-directory: ${text(at)}`);
    return undefined;
  };
  const below = follow(path, linkAt, (why) =>
    invalid('path-links-loop', `following '${text(path)}': ${why}`),
  );
  return below === '' ? root : `${root}/${below}`;
}

export function makeFolderAt(path: string, { uid, gid, mode }: NewFolder): void {
  mkdirSync(raw(path), 0o755);
  lchownSync(raw(path), uid, gid);
  if (mode !== undefined) chmodSync(raw(path), mode);
}

/**
 * Turns the names of an archive's members into paths below a root. Every component above the last is looked
 * at: a symbolic link is followed, a missing one becomes a folder. The last one is not followed.
 */
export class MemberPaths {
  readonly #root: string;
  readonly #owner: Owner | undefined;
  readonly #base: string;
  /** Folders known to be real; cleared in part by `forget`. */
  readonly #folders = new Set<string>(['']);

  /** @param base where the members go inside the root; @param owner of the folders that are missing, else the daemon */
  constructor(root: string, base = '', owner?: Owner) {
    this.#root = root;
    this.#owner = owner;
    this.#base = base === '' ? '' : this.#folder(base);
  }

  absolute(relative: string): string {
    return relative === '' ? this.#root : `${this.#root}/${relative}`;
  }

  /** Whether it is the folder into which the members go. */
  isBase(relative: string): boolean {
    return relative === this.#base;
  }

  /**
   * Path below the root ('' for the root itself) for a member's name.
   * @throws invalid `layer-path-escapes`, `layer-corrupt`
   */
  resolve(name: string): string {
    const parts = normalized(name);
    const last = parts.pop();
    if (last === undefined) return this.#base;
    const folder = joined(this.#base, parts.join('/'));
    return joined(this.#folders.has(folder) ? folder : this.#folder(folder), last);
  }

  /** `relative` is a real folder now. */
  learn(relative: string): void {
    this.#folders.add(relative);
  }

  /** `relative` and all below it are no longer what they were. */
  forget(relative: string): void {
    for (const folder of this.#folders)
      if (folder === relative || folder.startsWith(`${relative}/`)) this.#folders.delete(folder);
  }

  #folder(path: string): string {
    const linkAt = (relative: string): string | undefined => {
      if (this.#folders.has(relative)) return undefined;
      const at = this.absolute(relative);
      const found = lstatOrUndefined(at);
      if (found?.isSymbolicLink() === true) return targetOf(at);
      if (found === undefined) this.#make(at);
      else if (!found.isDirectory())
        throw corrupt(`'${text(path)}' lies below '${text(relative)}', which is no folder`);
      this.#folders.add(relative);
      return undefined;
    };
    return follow(path, linkAt, (why) => escapes(path, why));
  }

  #make(path: string): void {
    if (this.#owner === undefined) mkdirSync(raw(path), 0o755);
    else makeFolderAt(path, this.#owner);
  }
}

/**
 * Walks a path from a root, which `..` never leaves. `linkAt` gives the target where a component is a
 * symbolic link to follow.
 */
function follow(
  path: string,
  linkAt: (relative: string, isLast: boolean) => string | undefined,
  loops: (why: string) => Error,
): string {
  const pending = path.split('/').reverse();
  let at = '';
  let links = 0;
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      at = at.slice(0, Math.max(at.lastIndexOf('/'), 0));
      continue;
    }
    const next = joined(at, part);
    const isLast = pending.every((rest) => rest === '' || rest === '.');
    const target = linkAt(next, isLast);
    if (target === undefined) {
      at = next;
      continue;
    }
    if (++links > maxLinks) throw loops(`it leads through more than ${maxLinks} symbolic links`);
    if (target.startsWith('/')) at = '';
    pending.push(...target.split('/').reverse());
  }
  return at;
}

/** Components of a name without `.` and with `..` worked off; an absolute name counts from the root. */
function normalized(name: string): string[] {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw escapes(name, 'it leads out of its folder through ..');
  }
  return parts;
}

function joined(folder: string, rest: string): string {
  return folder === '' || rest === '' ? `${folder}${rest}` : `${folder}/${rest}`;
}

function targetOf(link: string): string {
  return readlinkSync(raw(link), 'buffer').toString('latin1');
}

function escapes(name: string, why: string): Error {
  return invalid('layer-path-escapes', `unpacking '${text(name)}': ${why}`, {
    hint: 'the archive is damaged or malicious; do not use it',
  });
}
