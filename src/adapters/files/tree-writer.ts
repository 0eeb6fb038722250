import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { mknod, setXattr } from '#adapters/linux/libc.ts';
import { systemCode } from '#base/errors.ts';
import type { TarEntry } from '#domain/archive/tar-entry.ts';
import { corrupt } from '#domain/archive/tar-header.ts';
import { lstatOrUndefined, raw, text } from './byte-path.ts';
import { deviceOf, nodeType, storeXattrs, writeFully } from './member.ts';
import type { MemberPaths } from './private-root.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

interface OpenFile {
  fd: number;
  path: string;
  entry: TarEntry;
}

/**
 * Writes an archive's members below a folder as `tar x` in a root file system of its own would: later members
 * replace earlier ones, nothing is written outside the root. All calls are synchronous.
 */
export class TreeWriter {
  readonly #paths: MemberPaths;
  readonly #owner: { uid: number; gid: number } | undefined;
  /** Times of folders, set at the end because writing into a folder changes its own. */
  readonly #folderTimes = new Map<string, number>();
  #file: OpenFile | undefined;

  /** @param owner of all members; absent: as the archive has it */
  constructor(paths: MemberPaths, owner?: { uid: number; gid: number }) {
    this.#paths = paths;
    this.#owner = owner;
  }

  /** @param relative what `paths` resolved the member's name to */
  entry(entry: TarEntry, relative: string): void {
    const path = this.#paths.absolute(relative);
    if (entry.type === 'directory') this.#folder(entry, relative, path);
    else if (this.#paths.isBase(relative))
      throw corrupt(`the archive's root is a ${entry.type}; required is a directory`);
    else if (entry.type === 'hard-link') this.#hardLink(entry, relative, path);
    else if (entry.type === 'file') this.#file = { fd: this.#createFile(relative, path), path, entry };
    else this.#special(entry, relative, path);
  }

  data(chunk: Uint8Array, position: number): void {
    if (this.#file !== undefined) writeFully(this.#file.fd, chunk, position);
  }

  end(): void {
    if (this.#file === undefined) return;
    const { fd, path, entry } = this.#file;
    const { uid, gid } = this.#owner ?? entry;
    if (entry.sparse !== undefined) ftruncateSync(fd, entry.size);
    // Owner first: a change of owner drops set-user-id bits and capabilities. An archive has many thousand
    // files, nearly all of root: each call counts.
    if (uid !== 0 || gid !== 0) fchownSync(fd, uid, gid);
    fchmodSync(fd, entry.mode);
    this.#setXattrs(path, entry);
    futimesSync(fd, entry.mtime, entry.mtime);
    this.close();
  }

  /** Sets what could not be set before all members were there. */
  finish(): void {
    for (const [relative, mtime] of this.#folderTimes)
      lutimesSync(raw(this.#paths.absolute(relative)), mtime, mtime);
  }

  /** Idempotent; frees the file in work. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #folder(entry: TarEntry, relative: string, path: string): void {
    if (lstatOrUndefined(path)?.isDirectory() !== true) {
      this.#makeRoom(relative, path);
      mkdirSync(raw(path), 0o700);
    }
    this.#paths.learn(relative);
    this.#settle(entry, path);
    this.#folderTimes.set(relative, entry.mtime);
  }

  #createFile(relative: string, path: string): number {
    const create = (): number => openSync(raw(path), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
    try {
      return create();
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      this.#makeRoom(relative, path);
      return create();
    }
  }

  #hardLink(entry: TarEntry, relative: string, path: string): void {
    const target = this.#paths.resolve(entry.linkName);
    if (target === relative) return;
    const found = lstatOrUndefined(this.#paths.absolute(target));
    if (found === undefined || found.isDirectory())
      throw corrupt(
        `'${text(entry.name)}' is a hard link to '${text(entry.linkName)}', which is no file of the archive`,
      );
    this.#makeRoom(relative, path);
    linkSync(raw(this.#paths.absolute(target)), raw(path));
  }

  #special(entry: TarEntry, relative: string, path: string): void {
    if (entry.type === 'symlink' && entry.linkName === '')
      throw corrupt(`'${text(entry.name)}' is a symbolic link to nothing`);
    this.#makeRoom(relative, path);
    if (entry.type === 'symlink') symlinkSync(raw(entry.linkName), raw(path));
    else mknod(text(path), nodeType(entry.type) | 0o600, deviceOf(entry));
    this.#settle(entry, path);
    lutimesSync(raw(path), entry.mtime, entry.mtime);
  }

  #makeRoom(relative: string, path: string): void {
    const found = lstatOrUndefined(path);
    if (found === undefined) return;
    if (!found.isDirectory()) {
      unlinkSync(raw(path));
      return;
    }
    rmSync(raw(path), { recursive: true });
    this.#paths.forget(relative);
    for (const folder of this.#folderTimes.keys())
      if (folder === relative || folder.startsWith(`${relative}/`)) this.#folderTimes.delete(folder);
  }

  #settle(entry: TarEntry, path: string): void {
    const { uid, gid } = this.#owner ?? entry;
    lchownSync(raw(path), uid, gid);
    if (entry.type !== 'symlink') chmodSync(raw(path), entry.mode);
    this.#setXattrs(path, entry);
  }

  #setXattrs(path: string, entry: TarEntry): void {
    storeXattrs(entry, (name, value) => setXattr(text(path), name, value));
  }
}
