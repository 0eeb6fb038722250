import { lstatSync, mkdirSync, readlinkSync, type Stats } from 'node:fs';
import { invalid, systemCode } from '#base/errors.ts';
import { corrupt } from '#domain/archive/tar-header.ts';

/** As many symbolic links as moby's followsymlink and the kernel (with 40) follow at the most. */
const maxLinks = 40;

/** The bytes of a byte string, as paths are handed to the file system. */
export function raw(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

/**
 * Turns names of a layer into paths that never leave the layer's root. Every component above the last is
 * looked at: a symbolic link is followed as if the root were `/`, a missing one becomes a folder. The
 * last component is not followed. Paths are byte strings.
 */
export class LayerPaths {
  readonly #root: string;
  /** Folders known to be real; cleared in part by `forget`. */
  readonly #folders = new Set<string>(['']);

  constructor(root: string) {
    this.#root = root;
  }

  absolute(relative: string): string {
    return relative === '' ? this.#root : `${this.#root}/${relative}`;
  }

  /**
   * Path below the root ('' for the root itself) for a member's name.
   * @throws invalid `layer-path-escapes`, `layer-corrupt`
   */
  resolve(name: string): string {
    const parts = normalized(name);
    const last = parts.pop();
    if (last === undefined) return '';
    const folder = parts.join('/');
    const parent = this.#folders.has(folder) ? folder : this.#folder(parts, name);
    return parent === '' ? last : `${parent}/${last}`;
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

  #folder(parts: string[], name: string): string {
    const pending = parts.toReversed();
    let at = '';
    let links = 0;
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === '' || part === '.') continue;
      if (part === '..') {
        at = at.includes('/') ? at.slice(0, at.lastIndexOf('/')) : '';
        continue;
      }
      const next = at === '' ? part : `${at}/${part}`;
      const target = this.#enter(next, name);
      if (target === undefined) {
        at = next;
        continue;
      }
      if (++links > maxLinks) throw escapes(name, 'it leads through too many symbolic links');
      if (target.startsWith('/')) at = '';
      pending.push(...target.split('/').reverse());
    }
    return at;
  }

  /** Makes sure of a folder; gives the target instead when a symbolic link is there. */
  #enter(relative: string, name: string): string | undefined {
    if (this.#folders.has(relative)) return undefined;
    const path = raw(this.absolute(relative));
    const found = lstatOrUndefined(path);
    if (found?.isSymbolicLink() === true) return readlinkSync(path, 'buffer').toString('latin1');
    if (found === undefined) mkdirSync(path, 0o755);
    else if (!found.isDirectory()) throw corrupt(`'${name}' lies below '${relative}', which is no folder`);
    this.#folders.add(relative);
    return undefined;
  }
}

/** Components of a name without `.` and with `..` worked off; an absolute name counts from the root. */
function normalized(name: string): string[] {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw escapes(name, 'it leads out of the layer through ..');
  }
  return parts;
}

function escapes(name: string, why: string): Error {
  return invalid('layer-path-escapes', `unpacking '${name}' of a layer: ${why}`, {
    hint: 'the layer is damaged or malicious; do not use the image',
  });
}

export function lstatOrUndefined(path: Buffer): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
