import {
  chmodSync,
  closeSync,
  constants,
  ftruncateSync,
  lchownSync,
  linkSync,
  lutimesSync,
  openSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { makeDevice, mknod, setXattr, SystemCallError } from '#adapters/linux/libc.ts';
import { invalid } from '#base/errors.ts';
import type { TarEntry, TarType } from '#domain/archive/tar-entry.ts';
import type { TarListener } from '#domain/archive/tar-parser.ts';
import type { Owner } from '#ports/file-trees.ts';
import { lstatOrUndefined, makeFolderAt, raw, resolveInRoot, text } from './in-root.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const nodeTypes: Partial<Record<TarType, number>> = { character: 0o020000, block: 0o060000, fifo: 0o010000 };
const rootOwner: Owner = { uid: 0, gid: 0 };

/**
 * Writes an archive's members below a folder, as `tar x` in a root file system of its own would: later
 * members replace earlier ones, links are followed as if `root` were `/`. Whiteouts have no meaning here.
 */
export class TreeWriter implements TarListener {
  readonly #root: string;
  readonly #at: string;
  readonly #owner: Owner | undefined;
  readonly #folderTimes = new Map<string, number>();
  #file: { fd: number; path: string; entry: TarEntry } | undefined;

  /** `root` is an absolute path, `at` a path inside it, both byte strings. */
  constructor(root: string, at: string, owner: Owner | undefined) {
    this.#root = root;
    this.#at = at;
    this.#owner = owner;
  }

  entry(entry: TarEntry): void {
    const path = this.#locate(entry.name);
    if (entry.type === 'directory') this.#folder(entry, path);
    else if (entry.type === 'hard-link') this.#hardLink(entry, path);
    else this.#other(entry, path);
  }

  data(chunk: Uint8Array, position: number): void {
    if (this.#file === undefined) return;
    for (let done = 0; done < chunk.length;)
      done += writeSync(this.#file.fd, chunk, done, chunk.length - done, position + done);
  }

  end(): void {
    if (this.#file === undefined) return;
    const { fd, path, entry } = this.#file;
    if (entry.sparse !== undefined) ftruncateSync(fd, entry.size);
    this.close();
    this.#settle(entry, path);
  }

  /** Sets the folders' times, which writing into them changed. */
  finish(): void {
    for (const [path, mtime] of this.#folderTimes)
      if (lstatOrUndefined(path)?.isDirectory() === true) lutimesSync(raw(path), mtime, mtime);
  }

  /** Idempotent; frees the file in work. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #locate(name: string): string {
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    let depth = 0;
    for (const part of parts) {
      depth += part === '..' ? -1 : 1;
      if (depth < 0) throw escapes(name);
    }
    return resolveInRoot(this.#root, `${this.#at}/${name}`, {
      followLast: false,
      make: this.#owner ?? rootOwner,
    });
  }

  #folder(entry: TarEntry, path: string): void {
    if (lstatOrUndefined(path)?.isDirectory() !== true) {
      rmSync(raw(path), { force: true });
      makeFolderAt(path, rootOwner);
    }
    this.#settle(entry, path);
    this.#folderTimes.set(path, entry.mtime);
  }

  #hardLink(entry: TarEntry, path: string): void {
    const target = this.#locate(entry.linkName);
    if (target === path) return;
    const found = lstatOrUndefined(target);
    if (found === undefined || found.isDirectory())
      throw invalid(
        'layer-corrupt',
        `'${text(entry.name)}' is a hard link to '${text(entry.linkName)}', which is no file`,
      );
    rmSync(raw(path), { recursive: true, force: true });
    linkSync(raw(target), raw(path));
  }

  #other(entry: TarEntry, path: string): void {
    if (path === resolveInRoot(this.#root, this.#at, { followLast: true })) throw escapes(entry.name);
    rmSync(raw(path), { recursive: true, force: true });
    if (entry.type === 'file') {
      this.#file = { fd: openSync(raw(path), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600), path, entry };
      return;
    }
    if (entry.type === 'symlink') symlinkSync(raw(entry.linkName), raw(path));
    else mknod(text(path), (nodeTypes[entry.type] ?? 0) | 0o600, makeDevice(entry.major, entry.minor));
    this.#settle(entry, path);
  }

  // Owner first: a change of owner drops set-user-id bits and capabilities.
  #settle(entry: TarEntry, path: string): void {
    const { uid, gid } = this.#owner ?? entry;
    lchownSync(raw(path), uid, gid);
    if (entry.type !== 'symlink') {
      chmodSync(raw(path), entry.mode);
      this.#setXattrs(entry, path);
    }
    lutimesSync(raw(path), entry.mtime, entry.mtime);
  }

  #setXattrs(entry: TarEntry, path: string): void {
    for (const [name, value] of entry.xattrs) {
      if (name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.')) continue;
      try {
        setXattr(text(path), text(name), value);
      } catch (error) {
        // As Docker: what this file system cannot hold is left out.
        if (!(error instanceof SystemCallError) || error.code !== 'ENOTSUP') throw error;
      }
    }
  }
}

function escapes(name: string): Error {
  return invalid('layer-path-escapes', `unpacking '${text(name)}': it leads out of the archive's folder`, {
    hint: 'the archive is damaged or malicious',
  });
}
