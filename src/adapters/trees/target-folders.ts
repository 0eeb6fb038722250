import { chmodSync, lchownSync } from 'node:fs';
import type { CopyRules, Owner, WritablePlace } from '#ports/file-trees.ts';
import { bytes, lstatOrUndefined, raw, text } from '#adapters/files/byte-path.ts';
import { makeFolderAt, type NewFolder } from '#adapters/files/private-root.ts';
import { invalid } from '#base/errors.ts';

const root: Owner = { uid: 0, gid: 0 };

/** How the target's folders are made that the source has not. */
export function newFolder({
  owner = root,
  folderMode: mode,
}: Pick<CopyRules, 'owner' | 'folderMode'>): NewFolder {
  return mode === undefined ? owner : { ...owner, mode };
}

/**
 * The folders into which a copy goes. What is in a folder that is new in an overlay is made right where the overlay keeps it: a file
 * costs half there. Paths are byte strings.
 */
export class TargetFolders {
  readonly #target: string;
  readonly #root: string;
  readonly #upper: string | undefined;
  readonly #missing: NewFolder;
  /** By their paths relative to the target. */
  readonly #folders = new Map<string, string>();

  /** @param target resolved, inside the place's root */
  constructor(target: string, place: Pick<WritablePlace, 'root' | 'upper'>, rules: CopyRules) {
    this.#target = target;
    this.#root = bytes(place.root);
    this.#upper = place.upper === undefined ? undefined : bytes(place.upper);
    this.#missing = newFolder(rules);
  }

  /** Where something of the copy is to be; the folder that holds it is made. @throws invalid `copy-onto-file` */
  pathOf(relative: string): string {
    if (relative === '') return this.#target;
    const slash = relative.lastIndexOf('/');
    const parent = relative.slice(0, Math.max(slash, 0));
    let folder = this.#folders.get(parent);
    if (folder === undefined) {
      this.open(parent);
      folder = this.#folders.get(parent) ?? this.#target;
    }
    return `${folder}/${relative.slice(slash + 1)}`;
  }

  /** Has a folder there; gives where. @throws invalid `copy-onto-file` */
  open(relative: string, how: NewFolder = this.#missing): string {
    const path = this.pathOf(relative);
    const isNew = openFolder(path, how);
    this.#folders.set(relative, isNew ? this.#below(path) : path);
    return path;
  }

  /** Has a folder of the copy there, with its owner and mode; gives where. @throws invalid `copy-onto-file` */
  put(relative: string, { uid, gid }: Owner, mode: number): string {
    const path = this.open(relative, root);
    lchownSync(raw(path), uid, gid);
    chmodSync(raw(path), mode);
    return path;
  }

  /** Where the root has what was made at a path. */
  seen(path: string): string {
    const upper = this.#upper;
    return upper !== undefined && path.startsWith(`${upper}/`)
      ? `${this.#root}${path.slice(upper.length)}`
      : path;
  }

  #below(path: string): string {
    if (this.#upper === undefined || !path.startsWith(`${this.#root}/`)) return path;
    return `${this.#upper}${path.slice(this.#root.length)}`;
  }
}

/** Whether it was made. @throws invalid `copy-onto-file` */
function openFolder(path: string, how: NewFolder): boolean {
  const there = lstatOrUndefined(path);
  if (there === undefined) makeFolderAt(path, how);
  else if (!there.isDirectory())
    throw invalid('copy-onto-file', `cannot copy to non-directory: ${text(path)}`);
  return there === undefined;
}
